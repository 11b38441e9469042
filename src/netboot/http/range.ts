/** Bytes `first` to `last`, both included. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

/**
 * What a Range header asks for: RFC 9110 section 14.1.2. `null`: all of it, also where the header
 * is malformed or names several ranges, which a server may ignore.
 */
export function rangeOf(header: string | undefined, size: number): Span | "Unsatisfiable" | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "");
  if (match === null) return null;
  const [, from = "", to = ""] = match;
  if (from === "" && to === "") return null;
  if (from === "") return suffix(Number(to), size);
  const first = Number(from);
  const last = to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== "" && Number(to) < first) return null;
  return first >= size ? "Unsatisfiable" : { first, last };
}

/** The last `length` bytes. */
function suffix(length: number, size: number): Span | "Unsatisfiable" {
  if (length === 0 || size === 0) return "Unsatisfiable";
  return { first: Math.max(0, size - length), last: size - 1 };
}
