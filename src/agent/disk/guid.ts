/** GUIDs as UEFI stores them: the first three fields little-endian (UEFI appendix A). */

const ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;

const reordered = (bytes: Uint8Array): Buffer => Buffer.from(ORDER.map((at) => bytes[at] ?? 0));

/** Canonical lower case. */
export const guidOf = (bytes: Uint8Array): string =>
  reordered(bytes)
    .toString("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

export const guidBytes = (guid: string): Buffer =>
  reordered(Buffer.from(guid.replaceAll("-", ""), "hex"));
