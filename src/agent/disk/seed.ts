import { randomUUID } from "node:crypto";
import type { BlockDevice } from "#agent/hardware.ts";
import { TaskError } from "#agent/task-error.ts";
import type { Seed } from "#api/agent.ts";
import { type FatFile, fatBytes, fatImage } from "./fat.ts";
import { type Gpt, type Partition, protect, readEntries, readHeader, writeGpt } from "./gpt.ts";
import { ESP, layOut } from "./layout.ts";

/** What cloud-init's NoCloud looks for. */
const LABEL = "CIDATA";

/** The partition table of a disk, from its primary copy; `null` if there is no valid one. */
export async function readGpt(device: BlockDevice, signal: AbortSignal): Promise<Gpt | null> {
  const { sectorSize } = device;
  const header = readHeader(await device.read(sectorSize, sectorSize, signal));
  if (header === null) return null;
  const { crc, ...gpt } = header;
  const length = gpt.capacity * gpt.entrySize;
  if (gpt.entrySize < 128 || length > 1_048_576) return null;
  const whole = Math.ceil(length / sectorSize) * sectorSize;
  const table = await device.read(gpt.entriesSector * sectorSize, whole, signal);
  const partitions = readEntries(table.subarray(0, length), gpt.entrySize, crc);
  return partitions === null ? null : { ...gpt, partitions };
}

/**
 * Makes a freshly written image this machine's own: the backup table goes to the disk's end, the
 * last partition grows, and the seed gets a partition after it.
 * @returns the EFI system partition, if there is one. @throws {@link TaskError}
 */
export async function putSeed(
  device: BlockDevice,
  seed: Seed,
  signal: AbortSignal,
): Promise<Partition | null> {
  const found = await readGpt(device, signal);
  if (found === null) {
    throw new TaskError("ImageUnsupported", "the image has no GUID partition table for the seed");
  }
  const { sectorSize } = device;
  const sectors = Math.floor(device.sizeBytes / sectorSize);
  const layout = layOut(found, { sectors, sectorSize }, fatBytes(sectorSize), randomUUID());
  const image = fatImage(LABEL, filesOf(seed), sectorSize);
  await device.write(layout.seed.firstSector * sectorSize, image, signal);
  for (const { position, bytes } of writeGpt(layout.gpt, sectors, sectorSize)) {
    await device.write(position, bytes, signal);
  }
  const mbr = await device.read(0, sectorSize, signal);
  await device.write(0, protect(mbr, sectors), signal);
  await device.settle(signal);
  return layout.gpt.partitions.find(({ type }) => type === ESP) ?? null;
}

const filesOf = (seed: Seed): readonly FatFile[] =>
  (["meta-data", "user-data", "vendor-data", "network-config"] as const).flatMap((name) => {
    const content = seed[name];
    return content === undefined ? [] : [{ name, content }];
  });
