/**
 * A disk image as small as can be, for simulated machines: a GUID partition table (UEFI 2.10
 * section 5.3), an EFI system partition, a root partition, both with a few bytes that are not zero.
 */
import { crc32 } from "node:zlib";

const SECTOR = 512;
const SECTORS = 512;
const ENTRIES = 128;
const ENTRY = 128;
const TABLE_SECTORS = (ENTRIES * ENTRY) / SECTOR;
const LAST = SECTORS - 1;

/** Mixed-endian, as they lie on the disk. */
const ESP = "28732ac11ff8d211ba4b00a0c93ec93b";
const LINUX = "af3dc60f838472478e793d69d8477de4";

/** 256 KiB. Different names give different images. */
export function diskImage(name: string): Buffer {
  const image = Buffer.alloc(SECTORS * SECTOR);
  const table = Buffer.alloc(ENTRIES * ENTRY);
  entry(table, 14, ESP, 64, 255, "ESP");
  entry(table, 0, LINUX, 256, SECTORS - 64, "root");
  image.set([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff, 1, 0, 0, 0], 446);
  image.writeUInt32LE(LAST, 446 + 12);
  image.writeUInt16LE(0xaa55, 510);
  table.copy(image, 2 * SECTOR);
  table.copy(image, (LAST - TABLE_SECTORS) * SECTOR);
  header(table, 1, LAST, 2).copy(image, SECTOR);
  header(table, LAST, 1, LAST - TABLE_SECTORS).copy(image, LAST * SECTOR);
  image.write(`boot loader of ${name}`, 64 * SECTOR);
  image.write(`root of ${name}`, 256 * SECTOR);
  return image;
}

function entry(table: Buffer, at: number, type: string, first: number, last: number, name: string) {
  const start = at * ENTRY;
  table.write(type, start, "hex");
  table.write(
    `00112233445566778899aabbccddee${at.toString(16).padStart(2, "0")}`,
    start + 16,
    "hex",
  );
  table.writeBigUInt64LE(BigInt(first), start + 32);
  table.writeBigUInt64LE(BigInt(last), start + 40);
  table.write(name, start + 56, "utf16le");
}

function header(table: Buffer, mine: number, other: number, entries: number): Buffer {
  const sector = Buffer.alloc(SECTOR);
  sector.write("EFI PART");
  sector.writeUInt32LE(0x0001_0000, 8);
  sector.writeUInt32LE(92, 12);
  sector.writeBigUInt64LE(BigInt(mine), 24);
  sector.writeBigUInt64LE(BigInt(other), 32);
  sector.writeBigUInt64LE(BigInt(2 + TABLE_SECTORS), 40);
  sector.writeBigUInt64LE(BigInt(LAST - TABLE_SECTORS - 1), 48);
  sector.write("ffeeddccbbaa99887766554433221100", 56, "hex");
  sector.writeBigUInt64LE(BigInt(entries), 72);
  sector.writeUInt32LE(ENTRIES, 80);
  sector.writeUInt32LE(ENTRY, 84);
  sector.writeUInt32LE(crc32(table), 88);
  sector.writeUInt32LE(crc32(sector.subarray(0, 92)), 16);
  return sector;
}
