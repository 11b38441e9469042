import { mkdtemp, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BlockDevice } from "#agent/hardware.ts";
import { LinuxBlockDevice } from "#agent/linux/block-device.ts";

/** A sparse file that stands for a disk. It goes when it is disposed of. */
export class FileDisk implements AsyncDisposable {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sectorSize: number;
  readonly #folder: string;

  static async make(sizeBytes: number, fill?: Uint8Array, sectorSize = 512): Promise<FileDisk> {
    const folder = await mkdtemp(join(tmpdir(), "steelyard-disk-"));
    const disk = new FileDisk(folder, sizeBytes, sectorSize);
    await writeFile(disk.path, fill ?? "");
    await truncate(disk.path, sizeBytes);
    return disk;
  }

  private constructor(folder: string, sizeBytes: number, sectorSize: number) {
    this.#folder = folder;
    this.path = join(folder, "disk");
    this.sizeBytes = sizeBytes;
    this.sectorSize = sectorSize;
  }

  device(): Promise<LinuxBlockDevice> {
    const { sizeBytes, sectorSize } = this;
    return LinuxBlockDevice.open(this.path, { sizeBytes, sectorSize, zeroesFast: false });
  }

  /** Runs something over the device, then looks at the bytes. */
  async after(work: (device: BlockDevice) => Promise<unknown>): Promise<Buffer> {
    await using device = await this.device();
    await work(device);
    return readFile(this.path);
  }

  async put(position: number, bytes: Uint8Array): Promise<void> {
    await using file = await open(this.path, "r+");
    await file.write(bytes, 0, bytes.length, position);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
