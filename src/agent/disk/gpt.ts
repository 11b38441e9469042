/** The GUID partition table (UEFI 2.10 chapter 5.3) as a value: reading it and laying it out. */
import { crc32 } from "node:zlib";
import { guidBytes, guidOf } from "./guid.ts";

export interface Partition {
  /** As Linux counts: 1 is the first entry. */
  readonly number: number;
  readonly type: string;
  readonly guid: string;
  readonly firstSector: number;
  /** Belongs to it. */
  readonly lastSector: number;
  readonly attributes: bigint;
  readonly name: string;
}

export interface Gpt {
  readonly diskGuid: string;
  /** How many entries there is room for. */
  readonly capacity: number;
  readonly entrySize: number;
  readonly entriesSector: number;
  readonly firstUsable: number;
  readonly partitions: readonly Partition[];
}

/** A run of bytes and where on the disk it belongs. */
export interface Extent {
  readonly position: number;
  readonly bytes: Buffer;
}

const SIGNATURE = "EFI PART";
const HEADER_SIZE = 92;
const NO_TYPE = "00000000-0000-0000-0000-000000000000";

/** Where the header says that its entries are; `null` if the sector holds no valid header. */
export function readHeader(sector: Buffer): (Omit<Gpt, "partitions"> & { crc: number }) | null {
  if (sector.length < HEADER_SIZE || sector.toString("latin1", 0, 8) !== SIGNATURE) return null;
  const size = sector.readUInt32LE(12);
  if (size < HEADER_SIZE || size > sector.length) return null;
  const blank = Buffer.from(sector.subarray(0, size));
  blank.writeUInt32LE(0, 16);
  if (crc32(blank) !== sector.readUInt32LE(16)) return null;
  return {
    diskGuid: guidOf(sector.subarray(56, 72)),
    firstUsable: Number(sector.readBigUInt64LE(40)),
    entriesSector: Number(sector.readBigUInt64LE(72)),
    capacity: sector.readUInt32LE(80),
    entrySize: sector.readUInt32LE(84),
    crc: sector.readUInt32LE(88),
  };
}

/** The entries that are in use; `null` if their checksum is wrong. */
export function readEntries(table: Buffer, entrySize: number, crc: number): Partition[] | null {
  if (crc32(table) !== crc) return null;
  const partitions: Partition[] = [];
  for (let at = 0; at + 128 <= table.length; at += entrySize) {
    const entry = table.subarray(at, at + 128);
    const type = guidOf(entry.subarray(0, 16));
    if (type === NO_TYPE) continue;
    partitions.push({
      number: at / entrySize + 1,
      type,
      guid: guidOf(entry.subarray(16, 32)),
      firstSector: Number(entry.readBigUInt64LE(32)),
      lastSector: Number(entry.readBigUInt64LE(40)),
      attributes: entry.readBigUInt64LE(48),
      name: entry.toString("utf16le", 56, 128).replace(/\0.*$/s, ""),
    });
  }
  return partitions;
}

/** How many sectors the entries take. */
export const tableSectors = ({ capacity, entrySize }: Gpt, sectorSize: number): number =>
  Math.ceil((capacity * entrySize) / sectorSize);

/** The last sector that a partition may have, on a disk of this size. */
export const lastUsable = (gpt: Gpt, sectors: number, sectorSize: number): number =>
  sectors - 2 - tableSectors(gpt, sectorSize);

/** Both tables and the protective MBR of a disk, the backup first: it must be there if we stop. */
export function writeGpt(gpt: Gpt, sectors: number, sectorSize: number): readonly Extent[] {
  const length = tableSectors(gpt, sectorSize) * sectorSize;
  const table = Buffer.alloc(length);
  for (const partition of gpt.partitions) {
    entryOf(partition).copy(table, (partition.number - 1) * gpt.entrySize);
  }
  const crc = crc32(table.subarray(0, gpt.capacity * gpt.entrySize));
  const last = sectors - 1;
  const backupEntries = lastUsable(gpt, sectors, sectorSize) + 1;
  const header = (mine: number, other: number, entries: number): Extent => ({
    position: mine * sectorSize,
    bytes: headerOf(gpt, { mine, other, entries, crc, sectors, sectorSize }),
  });
  return [
    { position: backupEntries * sectorSize, bytes: table },
    header(last, 1, backupEntries),
    { position: gpt.entriesSector * sectorSize, bytes: table },
    header(1, last, gpt.entriesSector),
  ];
}

/** The protective MBR's one partition: from sector 1 to the end, as far as 32 bits can say. */
export function protect(mbr: Buffer, sectors: number): Buffer {
  const changed = Buffer.from(mbr);
  for (let at = 446; at < 510; at += 16) {
    if (changed[at + 4] !== 0xee) continue;
    changed.writeUInt32LE(Math.min(sectors - 1, 0xff_ff_ff_ff), at + 12);
  }
  return changed;
}

function entryOf(partition: Partition): Buffer {
  const entry = Buffer.alloc(128);
  guidBytes(partition.type).copy(entry, 0);
  guidBytes(partition.guid).copy(entry, 16);
  entry.writeBigUInt64LE(BigInt(partition.firstSector), 32);
  entry.writeBigUInt64LE(BigInt(partition.lastSector), 40);
  entry.writeBigUInt64LE(partition.attributes, 48);
  entry.write(partition.name.slice(0, 36), 56, "utf16le");
  return entry;
}

interface Place {
  readonly mine: number;
  readonly other: number;
  readonly entries: number;
  readonly crc: number;
  readonly sectors: number;
  readonly sectorSize: number;
}

function headerOf(gpt: Gpt, place: Place): Buffer {
  const sector = Buffer.alloc(place.sectorSize);
  sector.write(SIGNATURE, "latin1");
  sector.writeUInt32LE(0x00_01_00_00, 8); // revision 1.0
  sector.writeUInt32LE(HEADER_SIZE, 12);
  sector.writeBigUInt64LE(BigInt(place.mine), 24);
  sector.writeBigUInt64LE(BigInt(place.other), 32);
  sector.writeBigUInt64LE(BigInt(gpt.firstUsable), 40);
  sector.writeBigUInt64LE(BigInt(lastUsable(gpt, place.sectors, place.sectorSize)), 48);
  guidBytes(gpt.diskGuid).copy(sector, 56);
  sector.writeBigUInt64LE(BigInt(place.entries), 72);
  sector.writeUInt32LE(gpt.capacity, 80);
  sector.writeUInt32LE(gpt.entrySize, 84);
  sector.writeUInt32LE(place.crc, 88);
  sector.writeUInt32LE(crc32(sector.subarray(0, HEADER_SIZE)), 16);
  return sector;
}
