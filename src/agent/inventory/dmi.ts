import type { Inventory } from "#api/machine-inventory.ts";
import { parseSystemUuid } from "#base/system-uuid.ts";

/** Reads what `dmidecode` prints: SMBIOS structures as text. */

/** One structure: its title line, and its attributes; the lines below one are its list. */
export interface DmiStructure {
  readonly type: number;
  readonly title: string;
  readonly values: ReadonlyMap<string, string>;
}

/** What vendors leave in a field that they did not fill in. */
const EMPTY =
  /^(not (specified|provided|available|applicable|present)|n\/?a|none|unknown|undefined|default string|to be filled( in)? by o\.?e\.?m\.?|system (manufacturer|product name|serial number|version|sku)|(chassis|base board) serial number|no dimm|[.\-x*\s]+|0x?0+|0?123456789|empty|o\.?e\.?m\.?)$/i;

/** The field, unless it is a filler. */
export function filled(text: string | undefined): string | undefined {
  const value = text?.trim() ?? "";
  return value === "" || EMPTY.test(value) ? undefined : value.slice(0, 128);
}

export function parseDmidecode(text: string): readonly DmiStructure[] {
  return text
    .split(/\r?\n\r?\n/)
    .map(structure)
    .filter((found) => found !== null);
}

function structure(block: string): DmiStructure | null {
  const lines = block.split(/\r?\n/);
  const start = lines.findIndex((line) => line.startsWith("Handle 0x"));
  const type = /DMI type (\d+)/.exec(lines[start] ?? "")?.[1];
  if (start < 0 || type === undefined) return null;
  const values = new Map<string, string>();
  for (const line of lines.slice(start + 2)) {
    const found = /^\t([^\t:][^:]*):\s*(.*)$/.exec(line);
    if (found !== null) values.set(found[1] ?? "", (found[2] ?? "").trim());
  }
  return { type: Number(type), title: (lines[start + 1] ?? "").trim(), values };
}

type System = Inventory["system"];

const SYSTEM: readonly (readonly [
  field: Exclude<keyof System, "uuid">,
  type: number,
  key: string,
])[] = [
  ["manufacturer", 1, "Manufacturer"],
  ["product", 1, "Product Name"],
  ["serial", 1, "Serial Number"],
  ["sku", 1, "SKU Number"],
  ["boardSerial", 2, "Serial Number"],
  ["biosVendor", 0, "Vendor"],
  ["biosVersion", 0, "Version"],
  ["biosDate", 0, "Release Date"],
];

/** Who the system says it is; fields that were never filled in are absent. */
export function systemOf(structures: readonly DmiStructure[]): System {
  const value = (type: number, key: string): string | undefined =>
    filled(structures.find((one) => one.type === type)?.values.get(key));
  const fields = SYSTEM.flatMap(([field, type, key]) => {
    const text = value(type, key);
    return text === undefined ? [] : [[field, text] as const];
  });
  const uuid = parseSystemUuid(value(1, "UUID") ?? "");
  return { ...(uuid === null ? {} : { uuid }), ...Object.fromEntries(fields) };
}

type Dimm = NonNullable<Inventory["memory"]["dimms"]>[number];

/** Sockets that hold a module. */
export const dimmsOf = (structures: readonly DmiStructure[]): Dimm[] =>
  structures.flatMap(({ type, values }) => {
    const sizeMiB = type === 17 ? mebibytes(values.get("Size") ?? "") : 0;
    if (sizeMiB === 0) return [];
    const speed = values.get("Configured Memory Speed") ?? values.get("Configured Clock Speed");
    const speedMTs = Number.parseInt(speed ?? values.get("Speed") ?? "", 10);
    return [
      {
        sizeMiB,
        ...present("locator", values.get("Locator")),
        ...present("type", values.get("Type")),
        ...(Number.isNaN(speedMTs) ? {} : { speedMTs }),
        ...present("manufacturer", values.get("Manufacturer")),
        ...present("partNumber", values.get("Part Number")),
        ...present("serial", values.get("Serial Number")),
      },
    ];
  });

const UNITS: Readonly<Record<string, number>> = { kB: 1 / 1_024, MB: 1, GB: 1_024, TB: 1_048_576 };

function mebibytes(size: string): number {
  const [, count = "0", unit = ""] = /^(\d+) (kB|MB|GB|TB)$/.exec(size) ?? [];
  return Math.floor(Number(count) * (UNITS[unit] ?? 0));
}

function present<K extends string>(key: K, text: string | undefined): { [P in K]?: string } {
  const value = filled(text);
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });
}
