import type { BlockDevice } from "#agent/hardware.ts";
import type { Advance } from "#agent/progress.ts";
import type { InventoryDisk } from "#api/machine-inventory.ts";
import type { DiskResult, ErasePlan } from "#api/machine-task.ts";
import { IF_DEAD } from "./fates.ts";
import { clearSignatures } from "./signatures.ts";
import { findData, lookedAt } from "./verify.ts";

/** One way to erase a disk. What a disk can do by itself (NVMe format, ATA sanitize) joins here. */
interface Way {
  /** For the certificate. */
  readonly method: string;
  readonly can: (disk: InventoryDisk, device: BlockDevice) => boolean;
  readonly run: (device: BlockDevice, advance: Advance, signal: AbortSignal) => Promise<void>;
  /**
   * What NIST SP 800-88 calls it, once it was verified; `null`: it does not reach all data.
   * Overwriting flash is never Purge: spare blocks keep what was there.
   */
  readonly claims: "Clear" | "Purge" | null;
}

const signatures: Way = {
  method: "signatures",
  can: () => true,
  run: (device, _advance, signal) => clearSignatures(device, signal),
  claims: null,
};

const writeZeroes: Way = {
  method: "write-zeroes",
  can: (_disk, device) => device.zeroesFast,
  run: zeroAll,
  claims: "Clear",
};

const overwrite: Way = { method: "overwrite", can: () => true, run: zeroAll, claims: "Clear" };

/** For each method of an order the ways, the best first. */
const WAYS: Readonly<Record<Exclude<ErasePlan["method"], "None">, readonly Way[]>> = {
  Quick: [writeZeroes, signatures],
  Full: [writeZeroes, overwrite],
  Secure: [writeZeroes, overwrite],
};

const CHUNK = 2 ** 30;

async function zeroAll(device: BlockDevice, advance: Advance, signal: AbortSignal): Promise<void> {
  const whole = Math.floor(device.sizeBytes / device.sectorSize) * device.sectorSize;
  for (let at = 0; at < whole; at += CHUNK) {
    await device.zero(at, Math.min(CHUNK, whole - at), "Overwrite", signal);
    await device.settle(signal); // what the disk refuses is heard here: now, and not hours later
    advance(((at + CHUNK) / whole) * 90);
  }
}

/** Erases one disk and looks whether it is. Rejects with what the disk says. */
export async function eraseDisk(
  disk: InventoryDisk,
  device: BlockDevice,
  method: Exclude<ErasePlan["method"], "None">,
  advance: Advance,
  signal: AbortSignal,
): Promise<Omit<DiskResult, "disk">> {
  const way = WAYS[method].find(({ can }) => can(disk, device)) ?? overwrite;
  await way.run(device, advance, signal);
  const { claims } = way;
  if (claims === null) return { outcome: "Erased", method: way.method };
  await device.forget(signal);
  const left = await findData(device, signal);
  return left === null
    ? { outcome: "Erased", method: way.method, claims, message: lookedAt(device.sizeBytes) }
    : {
        outcome: "Failed",
        method: way.method,
        message: `not zero at byte ${left} after it: ${IF_DEAD}`,
      };
}
