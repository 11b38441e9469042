/**
 * The machine that the agent runs on, as far as tasks need it. `linux/` is the real one; the
 * simulator has another. What a task decides and how it writes is the same code over both.
 */
import type { Inventory, InventoryDisk } from "#api/machine-inventory.ts";
import type { Artifact } from "#api/os-image.ts";

/** Who this machine is, cheap enough to be told before anything else. */
export interface HostIdentity {
  readonly macAddresses: readonly string[];
  /** Absent where firmware has only a placeholder. */
  readonly systemUUID?: string;
  readonly serial?: string;
}

/** `Overwrite`: what was there is gone. `Unmap`: it only has to read as zeros. */
export type ZeroHow = "Overwrite" | "Unmap";

export interface PourOptions {
  readonly compression: Artifact["compression"];
  /** Whole MiB. */
  readonly skip: number;
  readonly sparse: boolean;
}

/**
 * A disk opened for reading and writing. Positions and lengths are bytes and multiples of
 * `sectorSize`; methods reject with the system's error when the disk fails.
 */
export interface BlockDevice extends AsyncDisposable {
  readonly sizeBytes: number;
  readonly sectorSize: number;
  /** Whether {@link zero} is done by the disk itself, in much less time than writing takes. */
  readonly zeroesFast: boolean;
  read(position: number, length: number, signal: AbortSignal): Promise<Buffer>;
  write(position: number, bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** After it this range reads as zeros. */
  zero(position: number, length: number, how: ZeroHow, signal: AbortSignal): Promise<void>;
  /**
   * Where there is a faster way to write a whole image than {@link write} piece by piece. What is
   * left out (the first bytes, zeros if `sparse`) is not touched. @throws TaskError
   */
  pour?(source: AsyncIterable<Buffer>, options: PourOptions, signal: AbortSignal): Promise<void>;
  /** Until all is on the disk. */
  settle(signal: AbortSignal): Promise<void>;
  /** What is read after it comes from the disk, from no cache of ours. */
  forget(signal: AbortSignal): Promise<void>;
}

/** An entry of the firmware's boot menu (UEFI section 3.1.3): a file on a GPT partition. */
export interface BootEntry {
  readonly label: string;
  /** With backslashes, e.g. `\EFI\BOOT\BOOTX64.EFI`. */
  readonly loader: string;
  readonly partition: {
    readonly number: number;
    readonly firstSector: number;
    readonly sectors: number;
    /** Canonical lower case. */
    readonly guid: string;
  };
}

/** What a disk is opened for, said before anything is written to it. */
export type DiskUse =
  | { readonly kind: "Write"; readonly digest: string }
  /** Its signatures are cleared, so that nothing is found on it. */
  | { readonly kind: "Clear" }
  | { readonly kind: "Erase" };

export interface Hardware {
  /** Sets the system's clock, in milliseconds since the epoch. */
  setClock(now: number, signal: AbortSignal): Promise<void>;
  identity(signal: AbortSignal): Promise<HostIdentity>;
  inventory(signal: AbortSignal): Promise<Inventory>;
  disks(signal: AbortSignal): Promise<readonly InventoryDisk[]>;
  /** Takes the disk from whatever holds it (RAID arrays, volume groups), then opens it. */
  openDisk(disk: InventoryDisk, use: DiskUse, signal: AbortSignal): Promise<BlockDevice>;
  /**
   * Puts the entry first in the boot order, in place of older ones of the same label. Answers
   * whether it did: not on Legacy firmware, nor where the firmware's store is full.
   */
  bootFirst(entry: BootEntry, signal: AbortSignal): Promise<boolean>;
}
