interface Named {
  readonly name: string;
  readonly uid: string;
}

const LONGEST = 50; // with the rest at most 63 characters: a claim's name may become a label

/**
 * The name of a pool's claim: `<pool>-<end of the pool's uid>-<ordinal>`. Whoever repeats an intent
 * from an old view asks for a name that is taken.
 */
export function claimName({ name, uid }: Named, ordinal: number): string {
  const stem = name.slice(0, LONGEST).replace(/[^a-z0-9]+$/, "");
  return `${stem}-${uid.slice(-5)}-${ordinal}`;
}

/** The lowest names that are free; a claim that is going away has its name until it is gone. */
export function freeNames(
  pool: Named,
  count: number,
  isTaken: (name: string) => boolean,
): readonly string[] {
  const names: string[] = [];
  for (let ordinal = 0; names.length < count; ordinal++) {
    const name = claimName(pool, ordinal);
    if (!isTaken(name)) names.push(name);
  }
  return names;
}
