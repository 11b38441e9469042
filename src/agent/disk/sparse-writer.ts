import type { BlockDevice } from "#agent/hardware.ts";
import { TaskError } from "#agent/task-error.ts";

/** Zeros are looked for in pieces of this size. */
const GRANULE = 65_536;
const ZEROS = Buffer.alloc(GRANULE);
/** How much a disk that zeroes fast is asked to zero at once, ahead of the writing. */
const AHEAD = 4 * 2 ** 30;

/**
 * Writes a disk piece by piece, from its start to wherever the bytes end. Blocks of zeros are skipped
 * only where the disk was told to zero them before; anywhere else they are written: what was there
 * must go.
 */
export class SparseWriter {
  readonly #device: BlockDevice;
  #skip: number;
  #position = 0;
  #zeroed = 0;
  #rest: Buffer = Buffer.alloc(0);

  /** @param skip how many bytes at the start are left out */
  constructor(device: BlockDevice, skip: number) {
    this.#device = device;
    this.#skip = skip;
  }

  async push(chunk: Buffer, signal: AbortSignal): Promise<void> {
    const end = this.#position + this.#rest.length + chunk.length;
    if (end > this.#device.sizeBytes) throw tooSmall(this.#device);
    const left = chunk.subarray(this.#leaveOut(chunk.length));
    const bytes = this.#rest.length === 0 ? left : Buffer.concat([this.#rest, left]);
    const whole = bytes.length - (bytes.length % GRANULE);
    this.#rest = bytes.subarray(whole);
    await this.#put(bytes.subarray(0, whole), signal);
  }

  /** Writes what is left. */
  async finish(signal: AbortSignal): Promise<void> {
    const { sectorSize } = this.#device;
    const over = this.#rest.length % sectorSize;
    const filler = Buffer.alloc(over === 0 ? 0 : sectorSize - over);
    await this.#put(Buffer.concat([this.#rest, filler]), signal);
    this.#rest = Buffer.alloc(0);
  }

  /** How much of a chunk belongs to what is left out. */
  #leaveOut(length: number): number {
    const count = Math.min(length, this.#skip);
    this.#skip -= count;
    this.#position += count;
    return count;
  }

  async #put(bytes: Buffer, signal: AbortSignal): Promise<void> {
    if (this.#device.zeroesFast) await this.#zeroUpTo(this.#position + bytes.length, signal);
    for (const { start, end } of this.#runs(bytes)) {
      await this.#device.write(this.#position + start, bytes.subarray(start, end), signal);
    }
    this.#position += bytes.length;
  }

  async #zeroUpTo(position: number, signal: AbortSignal): Promise<void> {
    while (this.#zeroed < position) {
      const whole = this.#device.sizeBytes - (this.#device.sizeBytes % this.#device.sectorSize);
      const length = Math.min(AHEAD, whole - this.#zeroed);
      await this.#device.zero(this.#zeroed, length, "Unmap", signal);
      this.#zeroed += length;
    }
  }

  /** What must be written: all, or what is not zero. */
  #runs(bytes: Buffer): readonly Run[] {
    if (bytes.length === 0) return [];
    return this.#device.zeroesFast ? notZero(bytes) : [{ start: 0, end: bytes.length }];
  }
}

interface Run {
  readonly start: number;
  readonly end: number;
}

function notZero(bytes: Buffer): readonly Run[] {
  const runs: { start: number; end: number }[] = [];
  for (let start = 0; start < bytes.length; start += GRANULE) {
    const end = Math.min(start + GRANULE, bytes.length);
    if (bytes.compare(ZEROS, 0, end - start, start, end) === 0) continue;
    const last = runs.at(-1);
    if (last?.end === start) last.end = end;
    else runs.push({ start, end });
  }
  return runs;
}

const tooSmall = ({ sizeBytes }: BlockDevice): TaskError =>
  new TaskError("DiskTooSmall", `the image is larger than the disk: ${sizeBytes} bytes`);
