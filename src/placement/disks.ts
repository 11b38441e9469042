import type { Drives, MachineHardware } from "#api/machine-facts.ts";
import type { Requirements } from "#api/placement.ts";

type Asked = NonNullable<Requirements["disks"]>[number];

/**
 * Whether the machine has all the asked disks at once; none counts for two.
 *
 * Whoever is choosier goes first (NVMe, then SSD or HDD, then any type; the larger before the
 * smaller) and takes the smallest that will do: so a disk is only refused if no division would do.
 */
export function hasDisks(hardware: MachineHardware, asked: readonly Asked[]): boolean {
  const left = drivesOf(hardware).map((drives) => ({ ...drives }));
  const inOrder = asked.toSorted(
    (a, b) => rank(a) - rank(b) || (b.minSizeGiB ?? 0) - (a.minSizeGiB ?? 0),
  );
  return inOrder.every((one) => takeAll(left, one));
}

const rank = ({ type }: Asked): number => (type === undefined ? 2 : type === "SSD" ? 1 : 0);

function takeAll(left: { -readonly [K in keyof Drives]: Drives[K] }[], asked: Asked): boolean {
  let missing = asked.count ?? 1;
  const fitting = left
    .filter(({ type, sizeGiB }) => serves(type, asked) && sizeGiB >= (asked.minSizeGiB ?? 0))
    // Of one size, what an SSD is asked for is not taken from the NVMe: that is the rarer.
    .toSorted((a, b) => a.sizeGiB - b.sizeGiB || RARITY[a.type] - RARITY[b.type]);
  for (const drives of fitting) {
    const taken = Math.min(missing, drives.count);
    drives.count -= taken;
    missing -= taken;
  }
  return missing === 0;
}

const RARITY: Readonly<Record<Drives["type"], number>> = { HDD: 0, SSD: 1, NVMe: 2 };

/** SSD is any flash, NVMe too. */
const serves = (type: Drives["type"], asked: Asked): boolean =>
  asked.type === undefined || asked.type === type || (asked.type === "SSD" && type === "NVMe");

/** The size of the largest disk; where nobody wrote down single disks, what all can be at most. */
export const largestDisk = ({ drives, diskGiB = 0 }: MachineHardware): number =>
  drives === undefined ? diskGiB : Math.max(0, ...drives.map(({ sizeGiB }) => sizeGiB));

/** Inventories from before disks were written down one by one count as disks that rotate. */
function drivesOf({ drives, disks = 0, diskGiB = 0 }: MachineHardware): readonly Drives[] {
  if (drives !== undefined) return drives;
  return disks === 0 ? [] : [{ type: "HDD", sizeGiB: Math.floor(diskGiB / disks), count: disks }];
}
