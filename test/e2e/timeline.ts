/** What happened when, from several sources, to be printed beside each other. */
export interface Timeline {
  /** @param at milliseconds since the epoch; now, if not given */
  note(text: string, at?: number): void;
  /** When this was noted first. */
  at(text: string | RegExp): number | undefined;
  /** All that match, in the order of time. */
  all(text: RegExp): readonly string[];
  /** Of each text that was noted after `from`, when it was noted first, in seconds since `from`. */
  since(from: string): Readonly<Record<string, number>>;
  clear(): void;
  /** In the order of time, in seconds since `from` was noted. */
  print(title: string, from: string): string;
}

export function createTimeline(): Timeline {
  const notes: { readonly at: number; readonly text: string }[] = [];
  const sorted = () => notes.toSorted((a, b) => a.at - b.at);
  const find = (text: string | RegExp): number | undefined =>
    sorted().find((note) => (typeof text === "string" ? note.text === text : text.test(note.text)))
      ?.at;
  return {
    note: (text, at = Date.now()) => void notes.push({ at, text }),
    at: find,
    all: (pattern) => sorted().flatMap(({ text }) => (pattern.test(text) ? [text] : [])),
    since: (from) => {
      const start = find(from) ?? Number.POSITIVE_INFINITY;
      const after = sorted().filter(({ at }) => at >= start);
      // the first of a text is the last to be set
      return Object.fromEntries(
        after.toReversed().map(({ at, text }) => [text, (at - start) / 1_000]),
      );
    },
    clear: () => void notes.splice(0),
    print: (title, from) => {
      const start = find(from) ?? notes[0]?.at ?? 0;
      const line = ({ at, text }: (typeof notes)[number]): string =>
        `${((at - start) / 1_000).toFixed(1).padStart(8)} s  ${text}`;
      return [title, ...sorted().map(line)].join("\n");
    },
  };
}
