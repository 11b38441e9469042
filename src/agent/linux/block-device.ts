import { type FileHandle, open } from "node:fs/promises";
import type { BlockDevice, PourOptions, ZeroHow } from "#agent/hardware.ts";
import { pour } from "./pour.ts";
import { run } from "./run.ts";

const ZEROS = Buffer.alloc(4 * 1_048_576);

export interface BlockOptions {
  readonly sizeBytes: number;
  readonly sectorSize: number;
  /** The disk does WRITE ZEROES itself, and fast. */
  readonly zeroesFast: boolean;
}

/** A disk under /dev, or a file that stands for one. */
export class LinuxBlockDevice implements BlockDevice {
  readonly sizeBytes: number;
  readonly sectorSize: number;
  readonly zeroesFast: boolean;
  readonly #path: string;
  readonly #file: FileHandle;

  static async open(path: string, options: BlockOptions): Promise<LinuxBlockDevice> {
    return new LinuxBlockDevice(path, await open(path, "r+"), options);
  }

  private constructor(path: string, file: FileHandle, options: BlockOptions) {
    this.#path = path;
    this.#file = file;
    this.sizeBytes = options.sizeBytes;
    this.sectorSize = options.sectorSize;
    this.zeroesFast = options.zeroesFast;
  }

  async read(position: number, length: number, signal: AbortSignal): Promise<Buffer> {
    signal.throwIfAborted();
    const buffer = Buffer.allocUnsafe(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await this.#file.read(buffer, done, length - done, position + done);
      if (bytesRead === 0) throw new Error(`${this.#path} ends at byte ${position + done}`);
      done += bytesRead;
    }
    return buffer;
  }

  async write(position: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      signal.throwIfAborted();
      const length = Math.min(ZEROS.length, bytes.length - done);
      const { bytesWritten } = await this.#file.write(bytes, done, length, position + done);
      done += bytesWritten;
    }
  }

  pour(source: AsyncIterable<Buffer>, options: PourOptions, signal: AbortSignal): Promise<void> {
    return pour(this.#path, source, options, signal);
  }

  async zero(position: number, length: number, how: ZeroHow, signal: AbortSignal): Promise<void> {
    if (this.zeroesFast) {
      await this.#zeroByItself(position, length, how, signal);
      return;
    }
    for (let done = 0; done < length; done += ZEROS.length) {
      await this.write(position + done, ZEROS.subarray(0, length - done), signal);
    }
  }

  /** By the kernel, which promises zeros whatever the disk does (BLKZEROOUT, FALLOC_FL_PUNCH_HOLE). */
  async #zeroByItself(
    position: number,
    length: number,
    how: ZeroHow,
    signal: AbortSignal,
  ): Promise<void> {
    const range = ["--offset", String(position), "--length", String(length), this.#path];
    const overwrite = () => run("blkdiscard", ["--force", "--zeroout", ...range], signal);
    if (how === "Overwrite") await overwrite();
    else await run("fallocate", ["--punch-hole", ...range], signal).catch(overwrite);
  }

  async settle(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.#file.datasync();
  }

  /** Of this disk alone: the agent's own code lies in the same page cache (posix_fadvise). */
  async forget(signal: AbortSignal): Promise<void> {
    await run("dd", [`if=${this.#path}`, "iflag=nocache", "count=0", "status=none"], signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}
