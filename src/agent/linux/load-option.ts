/** EFI_LOAD_OPTION (UEFI 2.10 section 3.1.3): what a Boot#### variable holds. */
import { guidBytes } from "#agent/disk/guid.ts";
import type { BootEntry } from "#agent/hardware.ts";

const ACTIVE = 0x0000_0001;
const UTF16_END = Buffer.alloc(2);

const utf16 = (text: string): Buffer => Buffer.concat([Buffer.from(text, "utf16le"), UTF16_END]);

export function loadOption({ label, loader, partition }: BootEntry): Buffer {
  const path = Buffer.concat([hardDrive(partition), filePath(loader), END_OF_PATH]);
  const head = Buffer.alloc(6);
  head.writeUInt32LE(ACTIVE, 0);
  head.writeUInt16LE(path.length, 4);
  return Buffer.concat([head, utf16(label), path]);
}

/** What the firmware's menu calls an entry. */
export function labelOf(option: Buffer): string {
  for (let end = 6; end + 1 < option.length; end += 2) {
    if (option.readUInt16LE(end) === 0) return option.toString("utf16le", 6, end);
  }
  return "";
}

/** Section 10.3.5.1: a partition by its GUID; the short form that firmware looks for on all disks. */
function hardDrive({ number, firstSector, sectors, guid }: BootEntry["partition"]): Buffer {
  const node = Buffer.alloc(42);
  node.set([0x04, 0x01], 0); // media, hard drive
  node.writeUInt16LE(node.length, 2);
  node.writeUInt32LE(number, 4);
  node.writeBigUInt64LE(BigInt(firstSector), 8);
  node.writeBigUInt64LE(BigInt(sectors), 16);
  guidBytes(guid).copy(node, 24);
  node.set([0x02, 0x02], 40); // GPT; the signature is a GUID
  return node;
}

/** Section 10.3.5.4. */
function filePath(loader: string): Buffer {
  const name = utf16(loader);
  const node = Buffer.alloc(4);
  node.set([0x04, 0x04], 0);
  node.writeUInt16LE(node.length + name.length, 2);
  return Buffer.concat([node, name]);
}

const END_OF_PATH = Buffer.from([0x7f, 0xff, 0x04, 0x00]);

/** BootOrder: the numbers of Boot#### variables, first choice first. */
export const readOrder = (value: Uint8Array): number[] =>
  Array.from({ length: Math.floor(value.length / 2) }, (_, at) =>
    Buffer.from(value).readUInt16LE(at * 2),
  );

export function orderBytes(order: readonly number[]): Buffer {
  const bytes = Buffer.alloc(order.length * 2);
  for (const [at, number] of order.entries()) bytes.writeUInt16LE(number, at * 2);
  return bytes;
}
