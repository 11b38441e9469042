import type { BlockDevice, BootEntry, DiskUse, Hardware, HostIdentity } from "#agent/hardware.ts";
import type { Inventory, InventoryDisk } from "#api/machine-inventory.ts";
import { LinuxBlockDevice } from "./block-device.ts";
import { putFirst } from "./boot-menu.ts";
import { release } from "./holders.ts";
import { identity } from "./identity.ts";
import { disks, inventory } from "./inventory.ts";
import { run } from "./run.ts";
import { numberAt } from "./sysfs.ts";

const EFIVARS = "/sys/firmware/efi/efivars";
/** Less than this is not worth a program's start; signatures allow a minute, certificates more. */
const CLOCK_TOLERANCE_MS = 2_000;

/** The machine under a Linux that runs from RAM, as root. */
export const linuxHardware: Hardware = {
  async setClock(now: number, signal: AbortSignal): Promise<void> {
    if (Math.abs(Date.now() - now) < CLOCK_TOLERANCE_MS) return;
    await run("date", ["--utc", "--set", `@${Math.round(now / 1_000)}`], signal);
  },

  identity: (): Promise<HostIdentity> => identity(),

  inventory: (signal: AbortSignal): Promise<Inventory> => inventory(signal),

  disks: (signal: AbortSignal): Promise<readonly InventoryDisk[]> => disks(signal),

  async openDisk(disk: InventoryDisk, _use: DiskUse, signal: AbortSignal): Promise<BlockDevice> {
    await release(disk.name, signal);
    const offload = (await numberAt(`/sys/block/${disk.name}/queue/write_zeroes_max_bytes`)) ?? 0;
    // WRITE SAME on spinning disks is as slow as writing; virtual disks call themselves rotational.
    const quick = disk.rotational !== true || disk.transport === "virtio";
    return LinuxBlockDevice.open(`/dev/${disk.name}`, {
      sizeBytes: disk.sizeBytes,
      sectorSize: disk.logicalSectorSize ?? 512,
      zeroesFast: offload > 0 && quick,
    });
  },

  bootFirst: (entry: BootEntry): Promise<boolean> => putFirst(EFIVARS, entry),
};
