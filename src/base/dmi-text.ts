/** What board makers leave in where a serial number, a maker or a model should stand. */
const FILLERS: ReadonlySet<string> = new Set([
  "to be filled by o.e.m.",
  "default string",
  "system serial number",
  "system manufacturer",
  "system product name",
  "chassis serial number",
  "not specified",
  "not applicable",
  "not available",
  "empty",
  "none",
  "null",
  "n/a",
  "na",
  "unknown",
  "o.e.m.",
  "oem",
  "0123456789",
  "1234567890",
]);

/** One run of the same character, dots and blanks included, says nothing: "0000", "......". */
const FILLED = /^(.)\1*$/;

/** A serial number, maker or model as firmware tells it, trimmed; `null` if it names nothing. */
export function dmiText(text: string | null | undefined): string | null {
  const trimmed = text?.trim() ?? "";
  if (trimmed === "" || FILLERS.has(trimmed.toLowerCase())) return null;
  return trimmed.length > 1 && FILLED.test(trimmed) ? null : trimmed;
}
