import type { BlockDevice } from "#agent/hardware.ts";

/** Disks up to this size are read whole; of larger ones, samples spread evenly and both ends. */
const READ_WHOLE = 2 ** 30;
const PIECE = 1_048_576;
const SAMPLES = 1_024;
const SAMPLE = 65_536;
const ZEROS = Buffer.alloc(PIECE);

/** Where to look, in bytes from the disk's start; each look takes `length` bytes or to the end. */
function looks(sizeBytes: number): { readonly at: readonly number[]; readonly length: number } {
  if (sizeBytes <= READ_WHOLE) {
    const pieces = Math.ceil(sizeBytes / PIECE);
    return { at: Array.from({ length: pieces }, (_, n) => n * PIECE), length: PIECE };
  }
  const last = Math.floor((sizeBytes - SAMPLE) / SAMPLE);
  const at = Array.from(
    { length: SAMPLES },
    (_, n) => Math.floor((n / (SAMPLES - 1)) * last) * SAMPLE,
  );
  return { at, length: SAMPLE };
}

/** What {@link findData} looks at of a disk of this size, for the result: samples prove less than all. */
export const lookedAt = (sizeBytes: number): string =>
  sizeBytes <= READ_WHOLE
    ? "verified: read whole"
    : `verified by ${SAMPLES.toLocaleString("en")} samples of ${SAMPLE / 1_024} KiB`;

/** Where there is still something else than zeros; `null` if nothing was found, see {@link lookedAt}. */
export async function findData(device: BlockDevice, signal: AbortSignal): Promise<number | null> {
  const whole = Math.floor(device.sizeBytes / device.sectorSize) * device.sectorSize;
  const { at, length } = looks(whole);
  for (const position of at) {
    const bytes = await device.read(position, Math.min(length, whole - position), signal);
    if (bytes.compare(ZEROS, 0, bytes.length) !== 0) {
      return position + bytes.findIndex((byte) => byte !== 0);
    }
  }
  return null;
}
