/**
 * A FAT16 file system with a few files in its root folder (Microsoft's "FAT: General Overview of
 * On-Disk Format" 1.03): what cloud-init looks for by its label. Made here because it takes no
 * driver, no mount and no tool.
 */

export interface FatFile {
  readonly name: string;
  readonly content: string;
}

const CLUSTERS = 8_192; // FAT16: more than 4,084 and less than 65,525
const ROOT_ENTRIES = 512;
const ENTRY = 32;
const END_OF_CHAIN = 0xffff;

interface Geometry {
  readonly sectorSize: number;
  readonly clusterBytes: number;
  readonly fatSectors: number;
  readonly rootSectors: number;
}

function geometry(sectorSize: number): Geometry {
  return {
    sectorSize,
    clusterBytes: Math.max(1_024, sectorSize),
    fatSectors: Math.ceil(((CLUSTERS + 2) * 2) / sectorSize),
    rootSectors: Math.ceil((ROOT_ENTRIES * ENTRY) / sectorSize),
  };
}

const headSectors = ({ fatSectors, rootSectors }: Geometry): number =>
  1 + 2 * fatSectors + rootSectors;

/** How long a partition must be, in bytes: a multiple of 1 MiB. */
export function fatBytes(sectorSize: number): number {
  const g = geometry(sectorSize);
  const bytes = headSectors(g) * sectorSize + CLUSTERS * g.clusterBytes;
  return Math.ceil(bytes / 1_048_576) * 1_048_576;
}

/** The file system's first bytes, in whole sectors; what follows them on the disk does not matter. */
export function fatImage(label: string, files: readonly FatFile[], sectorSize: number): Buffer {
  const g = geometry(sectorSize);
  const contents = files.map(({ content }) => Buffer.from(content));
  const fat = Buffer.alloc(g.fatSectors * sectorSize);
  fat.writeUInt16LE(0xfff8, 0);
  fat.writeUInt16LE(END_OF_CHAIN, 2);

  const root: Buffer[] = [labelEntry(label)];
  const data: Buffer[] = [];
  let cluster = 2;
  for (const [index, content] of contents.entries()) {
    const count = Math.ceil(content.length / g.clusterBytes);
    root.push(
      ...entries(files[index]?.name ?? "", index, count === 0 ? 0 : cluster, content.length),
    );
    data.push(content, Buffer.alloc(count * g.clusterBytes - content.length));
    for (let n = 1; n <= count; n++, cluster++) {
      fat.writeUInt16LE(n === count ? END_OF_CHAIN : cluster + 1, cluster * 2);
    }
  }
  if (cluster > CLUSTERS + 2) throw new RangeError("the files are too large for the seed");
  const folder = Buffer.alloc(g.rootSectors * sectorSize);
  Buffer.concat(root).copy(folder);
  return Buffer.concat([bootSector(label, g), fat, fat, folder, ...data]);
}

function bootSector(label: string, g: Geometry): Buffer {
  const sector = Buffer.alloc(g.sectorSize);
  sector.set([0xeb, 0x3c, 0x90], 0);
  sector.write("STEELYRD", 3, "latin1");
  sector.writeUInt16LE(g.sectorSize, 11);
  sector[13] = g.clusterBytes / g.sectorSize;
  sector.writeUInt16LE(1, 14); // reserved sectors: this one
  sector[16] = 2; // FATs
  sector.writeUInt16LE(ROOT_ENTRIES, 17);
  const total = headSectors(g) + CLUSTERS * (g.clusterBytes / g.sectorSize);
  if (total < 65_536) sector.writeUInt16LE(total, 19);
  else sector.writeUInt32LE(total, 32);
  sector[21] = 0xf8; // fixed disk
  sector.writeUInt16LE(g.fatSectors, 22);
  sector.writeUInt16LE(63, 24);
  sector.writeUInt16LE(255, 26);
  sector[36] = 0x80;
  sector[38] = 0x29; // the next three fields are there
  sector.writeUInt32LE(0x57_ee_1a_4d, 39);
  sector.write(label.padEnd(11), 43, "latin1");
  sector.write("FAT16   ", 54, "latin1");
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

function labelEntry(label: string): Buffer {
  const entry = Buffer.alloc(ENTRY);
  entry.write(label.padEnd(11), 0, "latin1");
  entry[11] = 0x08;
  return entry;
}

/** A file's long name in as many entries as it takes, last part first, then its short one. */
function entries(name: string, index: number, cluster: number, size: number): Buffer[] {
  const short = Buffer.from(`SEED~${index + 1}`.padEnd(11), "latin1");
  const entry = Buffer.alloc(ENTRY);
  short.copy(entry);
  entry[11] = 0x20;
  entry.writeUInt16LE(0x0021, 16); // 1 January 1980
  entry.writeUInt16LE(0x0021, 18);
  entry.writeUInt16LE(0x0021, 24);
  entry.writeUInt16LE(cluster, 26);
  entry.writeUInt32LE(size, 28);
  return [...longName(name, checksum(short)), entry];
}

const PER_ENTRY = 13;
/** Where the thirteen UTF-16 units of a long name's entry lie. */
const UNITS = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30] as const;

function longName(name: string, sum: number): Buffer[] {
  const count = Math.ceil(name.length / PER_ENTRY);
  return Array.from({ length: count }, (_, back) => {
    const order = count - back;
    const entry = Buffer.alloc(ENTRY);
    entry[0] = order | (back === 0 ? 0x40 : 0);
    entry[11] = 0x0f;
    entry[13] = sum;
    for (const [at, position] of UNITS.entries()) {
      entry.writeUInt16LE(unit(name, (order - 1) * PER_ENTRY + at), position);
    }
    return entry;
  });
}

/** The character, a zero after the last, then fillers. */
const unit = (name: string, at: number): number =>
  at < name.length ? name.charCodeAt(at) : at === name.length ? 0 : 0xffff;

const checksum = (short: Uint8Array): number =>
  short.reduce((sum, byte) => (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff, 0);
