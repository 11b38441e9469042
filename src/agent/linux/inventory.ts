import { readFile } from "node:fs/promises";
import { parseLscpu } from "#agent/inventory/cpu.ts";
import { LSBLK_COLUMNS, parseLsblk } from "#agent/inventory/disk.ts";
import { dimmsOf, parseDmidecode, systemOf } from "#agent/inventory/dmi.ts";
import { isGpu, listed, type PciDevice, parseLspci } from "#agent/inventory/pci.ts";
import { parseSmartctl } from "#agent/inventory/smart.ts";
import type { Inventory, InventoryDisk, InventoryNic } from "#api/machine-inventory.ts";
import { seconds } from "#base/duration.ts";
import { type Port, ports } from "./identity.ts";
import { run } from "./run.ts";
import { attribute, linkName, names, numberAt } from "./sysfs.ts";

const EFI = "/sys/firmware/efi";
const GLOBAL_VARIABLE = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
/** A drive that takes longer to tell of its health is listed without. */
const SMART_TIME = seconds(8);

/** Everything about this machine. Starts few programs and all at once: each costs a while. */
export async function inventory(signal: AbortSignal): Promise<Inventory> {
  const [cpuText, dmiText, pciText, disks, found, platform] = await Promise.all([
    run("lscpu", [], signal),
    run("dmidecode", [], signal).catch(withoutIt(signal)),
    run("lspci", ["-D", "-vmm", "-nn", "-k"], signal).catch(withoutIt(signal)),
    disksWithHealth(signal),
    ports(),
    firmware(),
  ]);
  const { architecture, ...cpu } = parseLscpu(cpuText);
  const dmi = parseDmidecode(dmiText);
  const pci = parseLspci(pciText);
  return {
    collectedAt: new Date().toISOString(),
    architecture,
    ...platform,
    system: systemOf(dmi),
    cpu,
    memory: await memory(dimmsOf(dmi)),
    disks,
    nics: await Promise.all(found.slice(0, 64).map((port) => nic(port, pci))),
    pci: listed(pci),
    gpus: pci.filter(isGpu).length,
  };
}

/** Not every machine has these tables; the inventory goes on with less. */
const withoutIt = (signal: AbortSignal) => (): string => {
  signal.throwIfAborted();
  return "";
};

/** The disks alone, without asking them for their health. */
export async function disks(signal: AbortSignal): Promise<InventoryDisk[]> {
  const [text, transports, paths] = await Promise.all([
    run("lsblk", ["--json", "--bytes", "--output", LSBLK_COLUMNS], signal),
    nvmeTransports(),
    pathsByDisk(),
  ]);
  const found = parseLsblk(text, (name) => transports.get(name)).slice(0, 128);
  return found.map((disk) => {
    const path = paths.get(disk.name);
    return path === undefined ? disk : { ...disk, path };
  });
}

const BY_PATH = "/dev/disk/by-path";

/** Where a disk is plugged in, as udev names it; where it has several such names, the first. */
async function pathsByDisk(): Promise<ReadonlyMap<string, string>> {
  const links = [...(await names(BY_PATH))].reverse();
  const pairs = links.map(async (link) => [await linkName(`${BY_PATH}/${link}`), link] as const);
  const byDisk = new Map<string, string>();
  for (const [disk, link] of await Promise.all(pairs)) {
    if (disk !== undefined) byDisk.set(disk, `${BY_PATH}/${link}`);
  }
  return byDisk;
}

async function disksWithHealth(signal: AbortSignal): Promise<InventoryDisk[]> {
  return Promise.all((await disks(signal)).map((disk) => withHealth(disk, signal)));
}

async function withHealth(disk: InventoryDisk, signal: AbortSignal): Promise<InventoryDisk> {
  if (disk.remote || disk.transport === "virtio" || disk.sizeBytes === 0) return disk;
  const soon = AbortSignal.any([signal, AbortSignal.timeout(SMART_TIME)]);
  const asked = run("smartctl", ["--json", "--all", `/dev/${disk.name}`], soon, () => true);
  const smart = parseSmartctl(await asked.catch(() => ""));
  signal.throwIfAborted();
  return smart === undefined ? disk : { ...disk, smart };
}

/** By disk name: "pcie", "tcp", "rdma", "fc". With native multipath the disk names a subsystem. */
async function nvmeTransports(): Promise<ReadonlyMap<string, string>> {
  const bySubsystem = new Map<string, string>();
  for (const controller of await names("/sys/class/nvme")) {
    const [transport, subsystem] = await Promise.all([
      attribute(`/sys/class/nvme/${controller}/transport`),
      attribute(`/sys/class/nvme/${controller}/subsysnqn`),
    ]);
    if (transport !== undefined && subsystem !== undefined) bySubsystem.set(subsystem, transport);
  }
  const byDisk = new Map<string, string>();
  if (bySubsystem.size === 0) return byDisk;
  for (const name of (await names("/sys/block")).filter((one) => one.startsWith("nvme"))) {
    const subsystem = await attribute(`/sys/block/${name}/device/subsysnqn`);
    byDisk.set(name, bySubsystem.get(subsystem ?? "") ?? "pcie");
  }
  return byDisk;
}

async function nic({ name, mac }: Port, pci: readonly PciDevice[]): Promise<InventoryNic> {
  const at = `/sys/class/net/${name}`;
  const [carrier, speed, driver, device] = await Promise.all([
    numberAt(`${at}/carrier`),
    numberAt(`${at}/speed`),
    linkName(`${at}/device/driver`),
    linkName(`${at}/device`),
  ]);
  const address = device?.startsWith("virtio") ? await parentOf(`${at}/device`) : device;
  const card = pci.find((one) => one.address === address);
  return {
    name,
    mac,
    ...(driver === undefined ? {} : { driver }),
    ...(carrier === undefined ? {} : { linkUp: carrier === 1 }),
    ...(speed === undefined || speed <= 0 ? {} : { speedMbps: speed }),
    ...(card === undefined
      ? {}
      : { pciAddress: card.address, vendor: card.vendor, model: card.device }),
  };
}

/** A virtio device hangs below the PCI device that carries it. */
const parentOf = async (device: string): Promise<string | undefined> =>
  (await attribute(`${device}/../uevent`))?.match(/PCI_SLOT_NAME=(\S+)/)?.[1];

async function memory(dimms: NonNullable<Inventory["memory"]["dimms"]>) {
  const usable = Number(/MemTotal:\s+(\d+) kB/.exec((await attribute("/proc/meminfo")) ?? "")?.[1]);
  const usableMiB = Number.isNaN(usable) ? 0 : Math.floor(usable / 1_024);
  const installed = dimms.reduce((sum, { sizeMiB }) => sum + sizeMiB, 0);
  return { totalMiB: Math.max(installed, usableMiB), dimms: dimms.slice(0, 128) };
}

async function firmware(): Promise<Pick<Inventory, "firmware" | "secureBoot" | "tpm">> {
  const [efi, version] = await Promise.all([
    names(EFI),
    attribute("/sys/class/tpm/tpm0/tpm_version_major"),
  ]);
  const tpm = version === undefined ? {} : { tpm: { version: version === "1" ? "1.2" : "2.0" } };
  if (efi.length === 0) return { firmware: "Legacy", ...tpm };
  return { firmware: "UEFI", secureBoot: await secureBoot(), ...tpm };
}

/** UEFI section 3.3: one byte after the variable's four bytes of attributes. */
async function secureBoot(): Promise<boolean> {
  const path = `${EFI}/efivars/SecureBoot-${GLOBAL_VARIABLE}`;
  const value = await readFile(path).catch(() => undefined);
  return value?.[4] === 1;
}
