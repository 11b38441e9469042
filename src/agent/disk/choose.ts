import { TaskError } from "#agent/task-error.ts";
import type { RootDevice } from "#api/deploy.ts";
import type { InventoryDisk } from "#api/machine-inventory.ts";
import { diskName, isOurs, sameWwn } from "./named.ts";

export interface Wish {
  readonly hints: RootDevice;
  /** By WWN or serial. */
  readonly keep: readonly string[];
  /** What the image takes at least; 0 if that is not known. */
  readonly sizeBytes: number;
  readonly sectorSize: number;
}

type Hint = keyof RootDevice;
type Matches = {
  readonly [K in Hint]: (disk: InventoryDisk, value: NonNullable<RootDevice[K]>) => boolean;
};

const GIB = 2 ** 30;

const MATCHES: Matches = {
  deviceName: ({ name, path }, wanted) =>
    wanted === path || wanted.replace(/^\/dev\//, "") === name,
  wwn: (disk, wanted) => sameWwn(disk.wwn, wanted),
  serialNumber: ({ serial }, wanted) => serial === wanted,
  model: ({ model }, wanted) => model === wanted,
  minSizeGiB: ({ sizeBytes }, wanted) => sizeBytes >= wanted * GIB,
  rotational: ({ rotational }, wanted) => rotational === wanted,
};

/**
 * The disk that the system goes to: of those that match all hints, the smallest that the image fits
 * on; among equals the first by name. @throws {@link TaskError} that says why there is none
 */
export function chooseDisk(disks: readonly InventoryDisk[], wish: Wish): InventoryDisk {
  const ours = disks.filter((disk) => isOurs(disk, wish.keep) && disk.readOnly !== true);
  const hinted = ours.filter((disk) => matches(disk, wish.hints));
  if (hinted.length === 0) throw notFound(disks, ours, wish);

  const large = hinted.filter((disk) => disk.sizeBytes >= wish.sizeBytes);
  if (large.length === 0) throw tooSmall(hinted, wish);

  const fitting = large.filter((disk) => (disk.logicalSectorSize ?? 512) === wish.sectorSize);
  const [chosen] = fitting.toSorted(bySizeThenName);
  if (chosen === undefined) throw wrongSectors(large, wish);
  return chosen;
}

function matches(disk: InventoryDisk, hints: RootDevice): boolean {
  return (Object.keys(MATCHES) as Hint[]).every((hint) => matchesHint(disk, hint, hints));
}

function matchesHint<K extends Hint>(disk: InventoryDisk, hint: K, hints: RootDevice): boolean {
  const value = hints[hint];
  return value === undefined || MATCHES[hint](disk, value as NonNullable<RootDevice[K]>);
}

const bySizeThenName = (a: InventoryDisk, b: InventoryDisk): number =>
  a.sizeBytes - b.sizeBytes || a.name.localeCompare(b.name, "en", { numeric: true });

const list = (disks: readonly InventoryDisk[], say: (disk: InventoryDisk) => string): string =>
  disks.length === 0 ? "none" : disks.map((disk) => `${disk.name} (${say(disk)})`).join(", ");

const size = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;

function notFound(
  all: readonly InventoryDisk[],
  ours: readonly InventoryDisk[],
  { hints }: Wish,
): TaskError {
  const asked = Object.keys(hints).length === 0 ? "" : ` matches ${JSON.stringify(hints)}`;
  const found = list(
    ours,
    (disk) => `${diskName(disk)}, ${disk.model ?? "?"}, ${size(disk.sizeBytes)}`,
  );
  return new TaskError(
    "RootDeviceNotFound",
    `no disk that may be written to${asked}; of ${all.length} disks these may: ${found}`,
  );
}

const tooSmall = (disks: readonly InventoryDisk[], { sizeBytes }: Wish): TaskError =>
  new TaskError(
    "DiskTooSmall",
    `the image takes ${size(sizeBytes)}: too much for ${list(disks, (disk) => size(disk.sizeBytes))}`,
  );

const wrongSectors = (disks: readonly InventoryDisk[], { sectorSize }: Wish): TaskError =>
  new TaskError(
    "SectorSizeMismatch",
    `the image is made for sectors of ${sectorSize} bytes: it would not boot from ` +
      list(disks, (disk) => `${disk.logicalSectorSize ?? 512}`),
  );
