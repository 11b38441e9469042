import type { InventoryDisk } from "#api/machine-inventory.ts";

/** The columns that {@link parseLsblk} reads. */
export const LSBLK_COLUMNS =
  "NAME,KNAME,TYPE,SIZE,ROTA,RO,RM,TRAN,VENDOR,MODEL,SERIAL,WWN,REV,FSTYPE,PTTYPE,LOG-SEC,PHY-SEC";

type Row = Readonly<Record<string, unknown>>;

/** Drives of programs and networks, not of the machine; those of networks are listed, as remote. */
const NO_DRIVE = /^(ram|zram|loop|fd|sr|md|dm-)/;
const NETWORK_DRIVE = /^(nbd|rbd|drbd)/;
const REMOTE: ReadonlySet<string> = new Set(["fc", "fcoe", "iscsi", "tcp", "rdma"]);

/** What {@link parseLsblk} cannot see: how a controller is reached (`/sys/class/nvme/…/transport`). */
export type NvmeTransport = (name: string) => string | undefined;

/**
 * The disks in what `lsblk --json --bytes` prints: no partitions, no arrays, no loops.
 * @throws SyntaxError if it is no JSON
 */
export function parseLsblk(text: string, nvme: NvmeTransport = () => undefined): InventoryDisk[] {
  const { blockdevices = [] } = JSON.parse(text) as { blockdevices?: readonly Row[] };
  return blockdevices.filter(isDrive).map((row) => diskOf(row, nvme));
}

function isDrive(row: Row): boolean {
  const name = nameOf(row);
  return (row["type"] ?? "disk") === "disk" && name !== "" && !NO_DRIVE.test(name);
}

const nameOf = (row: Row): string =>
  (text(row["kname"]) ?? text(row["name"]) ?? "").replace(/^\/dev\//, "");

function diskOf(row: Row, nvme: NvmeTransport): InventoryDisk {
  const name = nameOf(row);
  const sort = text(row["tran"]) ?? (name.startsWith("vd") ? "virtio" : undefined);
  const over = sort === "nvme" ? (nvme(name) ?? sort) : sort;
  const remote =
    NETWORK_DRIVE.test(name) || REMOTE.has(over ?? "") || (sort === "nvme" && over === "fc");
  const found = signatures(row);
  return {
    name,
    sizeBytes: number(row["size"]) ?? 0,
    ...optional("logicalSectorSize", number(row["log-sec"])),
    ...optional("physicalSectorSize", number(row["phy-sec"])),
    ...optional("rotational", truth(row["rota"])),
    ...optional("transport", over === "pcie" ? "nvme" : over),
    remote,
    ...optional("removable", truth(row["rm"])),
    ...optional("readOnly", truth(row["ro"])),
    ...optional("vendor", text(row["vendor"])),
    ...optional("model", text(row["model"])),
    ...optional("serial", text(row["serial"])),
    ...optional("wwn", text(row["wwn"])),
    ...optional("firmware", text(row["rev"])),
    blank: found.length === 0,
    ...(found.length === 0 ? {} : { content: found.join(", ").slice(0, 256) }),
  };
}

/** What udev's blkid found on the disk and on what lies on it, each once. */
function signatures(row: Row): readonly string[] {
  const children = (row["children"] ?? []) as readonly Row[];
  const own = [text(row["pttype"]), text(row["fstype"])].filter((one) => one !== undefined);
  const all = [...own, ...children.flatMap(signatures)];
  if (all.length === 0 && children.length > 0) return ["partitions"];
  return [...new Set(all)];
}

function text(value: unknown): string | undefined {
  const trimmed = typeof value === "string" ? value.trim() : "";
  return trimmed === "" ? undefined : trimmed.slice(0, 128);
}

/** util-linux before 2.33 wrote everything as strings. */
function number(value: unknown): number | undefined {
  const found = typeof value === "string" && value !== "" ? Number(value) : value;
  return typeof found === "number" && Number.isSafeInteger(found) ? found : undefined;
}

function truth(value: unknown): boolean | undefined {
  if (value === "0" || value === "1") return value === "1";
  return typeof value === "boolean" ? value : undefined;
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
