import type { InventoryDisk } from "#api/machine-inventory.ts";

/** What a disk is called in results: its serial, else WWN, else the kernel's name for it. */
export const diskName = ({ serial, wwn, name }: InventoryDisk): string => serial ?? wwn ?? name;

/** lsblk writes 0x5000c500…, sysfs naa.5000c500…, /dev/disk/by-id wwn-0x5000c500…: all the same. */
const plainWwn = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replace(/^(wwn-)?(0x|naa\.|eui\.|uuid\.|nvme-)?/, "");

export const sameWwn = (a: string | undefined, b: string): boolean =>
  a !== undefined && plainWwn(a) === plainWwn(b);

/** Whether a name of an order (a serial or a WWN, else a kernel's name) means this disk. */
export const isNamed = (disk: InventoryDisk, name: string): boolean =>
  disk.serial === name.trim() || sameWwn(disk.wwn, name) || disk.name === name;

/** Never written to, never erased, whatever else an order says. */
export const isKept = (disk: InventoryDisk, keep: readonly string[] = []): boolean =>
  disk.remote || keep.some((name) => isNamed(disk, name));

/** Disks of the machine itself that an order may take: not kept, no stick, no virtual medium. */
export const isOurs = (disk: InventoryDisk, keep?: readonly string[]): boolean =>
  !isKept(disk, keep) && disk.removable !== true && disk.sizeBytes > 0;
