/**
 * Finds the NoCloud seed on a disk as cloud-init's kernel would: the partition named by the GUID
 * partition table, its FAT16 file system, the long names of its root folder. Written apart from the
 * agent's writer, so that the two do not share their mistakes.
 */

/** Reads `length` bytes from a position of the disk. */
export type ReadDisk = (position: number, length: number) => Buffer;

/** The seed's files by name; `null` where there is none. */
export function readSeedFiles(read: ReadDisk, sector: number): Record<string, string> | null {
  const table = read(sector, sector);
  if (table.toString("latin1", 0, 8) !== "EFI PART") return null;
  const count = table.readUInt32LE(80);
  const size = table.readUInt32LE(84);
  const entries = read(Number(table.readBigUInt64LE(72)) * sector, count * size);
  for (let at = 0; at < entries.length; at += size) {
    const first = Number(entries.readBigUInt64LE(at + 32));
    if (first === 0) continue;
    const files = readFat((position, length) => read(first * sector + position, length));
    if (files !== null) return files;
  }
  return null;
}

function readFat(read: ReadDisk): Record<string, string> | null {
  const boot = read(0, 512);
  const isSeed = boot.readUInt16LE(510) === 0xaa55 && boot.toString("latin1", 43, 49) === "CIDATA";
  if (!isSeed) return null;
  const sector = boot.readUInt16LE(11);
  const fatAt = boot.readUInt16LE(14) * sector;
  const fatBytes = boot.readUInt16LE(22) * sector;
  const rootAt = fatAt + (boot[16] ?? 0) * fatBytes;
  const rootBytes = boot.readUInt16LE(17) * 32;
  const cluster = (boot[13] ?? 0) * sector;
  const fat = read(fatAt, fatBytes);
  const files: Record<string, string> = {};
  for (const { name, first, length } of folder(read(rootAt, rootBytes))) {
    const parts: Buffer[] = [];
    for (let at = first; at >= 2 && at < 0xfff8; at = fat.readUInt16LE(at * 2)) {
      parts.push(read(rootAt + rootBytes + (at - 2) * cluster, cluster));
    }
    files[name] = Buffer.concat(parts).subarray(0, length).toString();
  }
  return files;
}

interface Listed {
  readonly name: string;
  readonly first: number;
  readonly length: number;
}

function* folder(bytes: Buffer): Generator<Listed> {
  let long = "";
  for (let at = 0; at < bytes.length && bytes[at] !== 0; at += 32) {
    const entry = bytes.subarray(at, at + 32);
    const kind = entry[11];
    if (kind === 0x0f) {
      const units = [entry.subarray(1, 11), entry.subarray(14, 26), entry.subarray(28, 32)];
      long = Buffer.concat(units).toString("utf16le").replace(/\0.*$/s, "") + long;
      continue;
    }
    const length = entry.readUInt32LE(28);
    if (kind === 0x20) yield { name: long, first: entry.readUInt16LE(26), length };
    long = "";
  }
}
