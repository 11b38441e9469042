import type { Inventory } from "#api/machine-inventory.ts";

/** A device on the PCI bus, with the numbers that stand behind its names. */
export interface PciDevice {
  readonly address: string;
  /** Four hex digits, e.g. "0302". */
  readonly classCode: string;
  readonly vendorId: string;
  readonly class: string;
  readonly vendor: string;
  readonly device: string;
  readonly driver?: string;
}

/** Reads what `lspci -D -vmm -nn -k` prints. */
export function parseLspci(text: string): readonly PciDevice[] {
  return text
    .split(/\r?\n\r?\n/)
    .map(device)
    .filter((found) => found !== null);
}

function device(block: string): PciDevice | null {
  const values = new Map<string, string>();
  for (const line of block.split(/\r?\n/)) {
    const [key = "", value = ""] = line.split(/:\t/, 2);
    if (!values.has(key)) values.set(key, value);
  }
  const address = values.get("Slot");
  if (address === undefined) return null;
  const sort = named(values.get("Class"));
  const vendor = named(values.get("Vendor"));
  const driver = values.get("Driver");
  return {
    address: /^[0-9a-f]{4,}:..:/.test(address) ? address : `0000:${address}`,
    classCode: sort.code,
    class: sort.name,
    vendorId: vendor.code,
    vendor: vendor.name,
    device: named(values.get("Device")).name,
    ...(driver === undefined ? {} : { driver }),
  };
}

/** "Intel Corporation [8086]" → both. */
function named(value = ""): { readonly name: string; readonly code: string } {
  const found = /^(.*?)\s*\[([0-9a-f]{4})\]$/.exec(value);
  return { name: (found?.[1] ?? value).slice(0, 128), code: found?.[2] ?? "" };
}

const NVIDIA = "10de";
const AMD = "1002";

/** For computing: not the small display chip that a BMC brings along. */
export function isGpu({ classCode, vendorId }: PciDevice): boolean {
  if (classCode === "0302" || classCode === "1200") return true; // 3D controller, accelerator
  return classCode.startsWith("03") && (vendorId === NVIDIA || vendorId === AMD);
}

/** Bridges say nothing of what a machine can do, and fill the list. */
const isBridge = ({ classCode }: PciDevice): boolean => classCode.startsWith("06");
const MAX_LISTED = 256;

export const listed = (devices: readonly PciDevice[]): NonNullable<Inventory["pci"]> =>
  devices
    .filter((one) => !isBridge(one))
    .slice(0, MAX_LISTED)
    .map(({ classCode: _, vendorId: __, ...shown }) => shown);
