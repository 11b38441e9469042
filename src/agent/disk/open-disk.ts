import type { BlockDevice, DiskUse, Hardware, PourOptions, ZeroHow } from "#agent/hardware.ts";
import { TaskError } from "#agent/task-error.ts";
import type { InventoryDisk } from "#api/machine-inventory.ts";
import { IF_DEAD } from "./fates.ts";
import { diskName } from "./named.ts";

const CAUSE_CHARS = 100;

/** A disk that did not do what it was told to. */
export class DiskFault extends TaskError {
  /** What it failed at, and what to do; the message names the disk before it. */
  readonly what: string;

  constructor(disk: InventoryDisk, doing: string, cause: unknown) {
    const words = cause instanceof Error ? cause.message : String(cause);
    const what = `${doing}: ${words.slice(0, CAUSE_CHARS)}: ${IF_DEAD}`;
    super("DiskFailed", `disk ${disk.name} (${diskName(disk)}): ${what}`, { cause });
    this.what = what;
  }
}

/** Opens a disk that says who it is when it fails. @throws {@link DiskFault}, as its methods do */
export const openDisk = async (
  hardware: Pick<Hardware, "openDisk">,
  disk: InventoryDisk,
  use: DiskUse,
  signal: AbortSignal,
): Promise<BlockDevice> =>
  new NamedDevice(
    disk,
    await naming(disk, "open", () => hardware.openDisk(disk, use, signal), signal),
  );

class NamedDevice implements BlockDevice {
  readonly sizeBytes: number;
  readonly sectorSize: number;
  readonly zeroesFast: boolean;
  readonly pour?: NonNullable<BlockDevice["pour"]>;
  readonly #disk: InventoryDisk;
  readonly #device: BlockDevice;
  /** Where the first byte is of what was written and not settled yet. */
  #unsettled = Number.POSITIVE_INFINITY;

  constructor(disk: InventoryDisk, device: BlockDevice) {
    this.#disk = disk;
    this.#device = device;
    this.sizeBytes = device.sizeBytes;
    this.sectorSize = device.sectorSize;
    this.zeroesFast = device.zeroesFast;
    if (device.pour !== undefined) this.pour = this.#pour;
  }

  read(position: number, length: number, signal: AbortSignal): Promise<Buffer> {
    const read = () => this.#device.read(position, length, signal);
    return naming(this.#disk, `read from byte ${position} on`, read, signal);
  }

  write(position: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    this.#unsettled = Math.min(this.#unsettled, position);
    const write = () => this.#device.write(position, bytes, signal);
    return naming(this.#disk, `write from byte ${position} on`, write, signal);
  }

  zero(position: number, length: number, how: ZeroHow, signal: AbortSignal): Promise<void> {
    this.#unsettled = Math.min(this.#unsettled, position);
    const zero = () => this.#device.zero(position, length, how, signal);
    return naming(this.#disk, `write zeros from byte ${position} on`, zero, signal);
  }

  /** What Linux could not write behind our back it says here, and not where that was. */
  async settle(signal: AbortSignal): Promise<void> {
    const from = Number.isFinite(this.#unsettled) ? ` from byte ${this.#unsettled} on` : "";
    await naming(this.#disk, `write${from}`, () => this.#device.settle(signal), signal);
    this.#unsettled = Number.POSITIVE_INFINITY;
  }

  forget(signal: AbortSignal): Promise<void> {
    return naming(this.#disk, "drop its cache", () => this.#device.forget(signal), signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#device[Symbol.asyncDispose]());
  }

  /** Its source may fail as well, and the image be corrupt: only what the disk says is the disk's. */
  async #pour(
    source: AsyncIterable<Buffer>,
    options: PourOptions,
    signal: AbortSignal,
  ): Promise<void> {
    this.#unsettled = Math.min(this.#unsettled, options.skip);
    try {
      await this.#device.pour?.(source, options, signal);
    } catch (error) {
      signal.throwIfAborted();
      const isDisk = error instanceof TaskError && error.reason === "DiskFailed";
      throw isDisk ? new DiskFault(this.#disk, "write the image", error) : error;
    }
  }
}

async function naming<T>(
  disk: InventoryDisk,
  doing: string,
  work: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    throw new DiskFault(disk, doing, error);
  }
}
