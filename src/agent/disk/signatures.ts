import type { BlockDevice } from "#agent/hardware.ts";

/**
 * What lies within these bytes of either end: partition tables (MBR, both GPTs), file systems, LVM,
 * LUKS (its second header up to 4 MiB), ZFS (two labels at each end), md and firmware RAID.
 */
const END_BYTES = 4 * 1_048_576;
const ZEROS = Buffer.alloc(END_BYTES);

/** So that nothing on the disk is found any more: no boot loader, partition, file system, array. */
export async function clearSignatures(device: BlockDevice, signal: AbortSignal): Promise<void> {
  const { sizeBytes, sectorSize } = device;
  const whole = Math.floor(sizeBytes / sectorSize) * sectorSize;
  const head = Math.min(END_BYTES, whole);
  const tail = Math.max(head, whole - END_BYTES);
  await device.write(0, ZEROS.subarray(0, head), signal);
  if (tail < whole) await device.write(tail, ZEROS.subarray(0, whole - tail), signal);
  await device.settle(signal);
}
