import { TaskError } from "#agent/task-error.ts";
import { type Gpt, lastUsable, type Partition } from "./gpt.ts";

/** Partition types that hold no file system to be grown: ESP, BIOS boot, swap, PReP, XBOOTLDR, MSR. */
const FIXED: ReadonlySet<string> = new Set([
  "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
  "21686148-6449-6e6f-744e-656564454649",
  "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f",
  "9e1a2d38-c612-4316-aa26-8b49521e5a8b",
  "bc13c2ff-59e6-4262-a352-b275fd6f7172",
  "e3c9e316-0b5c-4db8-817d-f92df00215ae",
]);
export const ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
const BASIC_DATA = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7";
const ALIGNMENT = 1_048_576;

export interface Disk {
  readonly sectors: number;
  readonly sectorSize: number;
}

export interface Layout {
  readonly gpt: Gpt;
  readonly seed: Partition;
}

/**
 * The physically last partition grown to the end of the disk, save for the seed's partition that is
 * appended after it. @throws {@link TaskError} if the image leaves no room
 */
export function layOut(
  gpt: Gpt,
  { sectors, sectorSize }: Disk,
  seedBytes: number,
  seedGuid: string,
): Layout {
  const align = ALIGNMENT / sectorSize;
  const end = lastUsable(gpt, sectors, sectorSize) + 1;
  const firstSector = Math.floor((end - seedBytes / sectorSize) / align) * align;
  const last = gpt.partitions.toSorted((a, b) => b.lastSector - a.lastSector).at(0);
  if (firstSector <= (last?.lastSector ?? gpt.firstUsable)) {
    throw new TaskError("NoRoomForSeed", "the image leaves no room for the seed on this disk");
  }
  const seed: Partition = {
    number: freeNumber(gpt),
    type: BASIC_DATA,
    guid: seedGuid,
    firstSector,
    lastSector: firstSector + seedBytes / sectorSize - 1,
    attributes: 0n,
    name: "cidata",
  };
  const grown = gpt.partitions.map((partition) =>
    partition === last && !FIXED.has(partition.type)
      ? { ...partition, lastSector: firstSector - 1 }
      : partition,
  );
  return { gpt: { ...gpt, partitions: [...grown, seed] }, seed };
}

/** After the highest in use, so that no name that the image knows changes its meaning. */
function freeNumber({ partitions, capacity }: Gpt): number {
  const used = new Set(partitions.map(({ number }) => number));
  const next = Math.max(0, ...used) + 1;
  if (next <= capacity) return next;
  for (let number = 1; number <= capacity; number++) if (!used.has(number)) return number;
  throw new TaskError("NoRoomForSeed", "the image's partition table has no free entry");
}
