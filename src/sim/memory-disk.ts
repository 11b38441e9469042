import type { BlockDevice, ZeroHow } from "#agent/hardware.ts";

const PAGE = 4_096;
const ZERO = Buffer.alloc(PAGE);
/** What a disk is full of that was used before: anything but zeros. */
const USED = Buffer.alloc(PAGE, 0xa5);
const ZEROS = Buffer.alloc(1_048_576);

export interface MemoryDiskOptions {
  readonly sizeBytes: number;
  readonly sectorSize: number;
  /** Full of somebody's data, or of zeros. */
  readonly used: boolean;
  /** Before each change. */
  readonly changing?: (signal: AbortSignal) => void | Promise<void>;
}

/** A disk in memory that keeps what differs from how it was before. */
export class MemoryDisk implements BlockDevice {
  readonly sizeBytes: number;
  readonly sectorSize: number;
  readonly zeroesFast = true;
  readonly #pages = new Map<number, Buffer>();
  readonly #background: Buffer;
  readonly #changing: (signal: AbortSignal) => void | Promise<void>;
  /** Zeroed from the start to here, in order. */
  #zeroed = 0;

  constructor({ sizeBytes, sectorSize, used, changing = () => {} }: MemoryDiskOptions) {
    this.sizeBytes = sizeBytes;
    this.sectorSize = sectorSize;
    this.#background = used ? USED : ZERO;
    this.#changing = changing;
  }

  /** Whether all of it is zeros. */
  get isZero(): boolean {
    const whole = this.#background === ZERO || this.#zeroed >= this.sizeBytes - PAGE;
    return whole && [...this.#pages.values()].every((page) => page.equals(ZERO));
  }

  /** Without a signal: for those who look at the disk from outside. */
  peek = (position: number, length: number): Buffer => {
    if (!this.#touched(position, length) && this.#under(position) === ZERO) {
      if (length <= ZEROS.length) return ZEROS.subarray(0, length);
    }
    const bytes = Buffer.allocUnsafe(length);
    for (let done = 0; done < length; ) {
      const { page, offset, count } = place(position + done, length - done);
      this.#page(page).copy(bytes, done, offset, offset + count);
      done += count;
    }
    return bytes;
  };

  async read(position: number, length: number, signal: AbortSignal): Promise<Buffer> {
    signal.throwIfAborted();
    return this.peek(position, length);
  }

  async write(position: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#changing(signal);
    signal.throwIfAborted();
    for (let done = 0; done < bytes.length; ) {
      const { page, offset, count } = place(position + done, bytes.length - done);
      this.#put(page, offset, bytes.subarray(done, done + count));
      done += count;
    }
  }

  async zero(position: number, length: number, _how: ZeroHow, signal: AbortSignal): Promise<void> {
    await this.#changing(signal);
    signal.throwIfAborted();
    for (const page of [...this.#pages.keys()]) {
      const at = page * PAGE;
      if (at >= position && at + PAGE <= position + length) this.#pages.delete(page);
    }
    if (position <= this.#zeroed) this.#zeroed = Math.max(this.#zeroed, position + length);
    else await this.write(position, Buffer.alloc(length), signal);
  }

  async settle(): Promise<void> {}

  async forget(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}

  #under(position: number): Buffer {
    return position < this.#zeroed ? ZERO : this.#background;
  }

  #page(page: number): Buffer {
    return this.#pages.get(page) ?? this.#under(page * PAGE);
  }

  #touched(position: number, length: number): boolean {
    if (this.#pages.size === 0) return false;
    const last = Math.floor((position + length - 1) / PAGE);
    for (let page = Math.floor(position / PAGE); page <= last; page++) {
      if (this.#pages.has(page)) return true;
    }
    return position < this.#zeroed !== position + length <= this.#zeroed;
  }

  #put(page: number, offset: number, bytes: Uint8Array): void {
    const whole = bytes.length === PAGE;
    if (whole && ZERO.equals(bytes)) {
      if (this.#under(page * PAGE) === ZERO) this.#pages.delete(page);
      else this.#pages.set(page, ZERO);
      return;
    }
    const changed = Buffer.from(this.#page(page));
    changed.set(bytes, offset);
    this.#pages.set(page, changed);
  }
}

/** The page that a position lies in, and how much of `length` belongs to it. */
function place(position: number, length: number) {
  const offset = position % PAGE;
  return { page: Math.floor(position / PAGE), offset, count: Math.min(PAGE - offset, length) };
}
