import type { BlockDevice, DiskUse, Hardware, HostIdentity } from "#agent/hardware.ts";
import type { Inventory, InventoryDisk } from "#api/machine-inventory.ts";
import { type Duration, seconds } from "#base/duration.ts";
import type { SimulatedDisk } from "./disk.ts";
import type { SimulatedMachine } from "./machine.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { readSeedFiles } from "./seed-reader.ts";

/** How long a server takes for it, at life's speed. */
export interface AgentTimings {
  readonly inventory: Duration;
  readonly write: Duration;
  readonly erase: Duration;
}

export const SERVER: AgentTimings = {
  inventory: seconds(5),
  write: seconds(60),
  erase: seconds(120),
};

/**
 * A simulated board as the agent sees it. Disks take real bytes while they are open; what is kept
 * of them is what the board says of its disks, and how often they were changed.
 */
export function simulatedHardware(machine: SimulatedMachine, timings: AgentTimings): Hardware {
  return {
    setClock: async () => {},
    identity: async () => identityOf(machine),
    disks: async () => machine.disks.map(diskOf),
    async inventory(signal) {
      await machine.wait(timings.inventory, signal);
      return inventoryOf(machine);
    },
    openDisk: async ({ name }, use) => openDisk(machine, name, use, timings),
    bootFirst: async () => true, // and this firmware puts PXE back in front, as many do
  };
}

function identityOf({ board }: SimulatedMachine): HostIdentity {
  return { macAddresses: board.macs, systemUUID: board.uuid, serial: board.serial };
}

function openDisk(
  machine: SimulatedMachine,
  name: string,
  use: DiskUse,
  timings: AgentTimings,
): BlockDevice {
  const disk = machine.disks.find((one) => one.name === name);
  if (disk === undefined) throw new Error(`${machine.name} has no disk ${name}`);
  let changed = false;
  const memory: MemoryDisk = new MemoryDisk({
    sizeBytes: disk.sizeBytes,
    sectorSize: disk.logicalSectorBytes,
    used: disk.content.kind !== "blank",
    changing: async (signal) => {
      if (changed) return;
      changed = true;
      begin(machine, name, use);
      if (use.kind !== "Clear") {
        await machine.wait(use.kind === "Write" ? timings.write : timings.erase, signal);
      }
    },
  });
  return Object.assign(memory, {
    [Symbol.asyncDispose]: async () => {
      if (changed) end(machine, name, use, memory);
    },
  });
}

/** Counted as it begins: what was there is lost from now on. */
function begin(machine: SimulatedMachine, name: string, use: DiskUse): void {
  if (use.kind === "Write") machine.beginWrite(name, use.digest);
  if (use.kind === "Erase") {
    machine.erase(name);
    machine.setDisk(name, { kind: "remains" });
  }
}

function end(machine: SimulatedMachine, name: string, use: DiskUse, memory: MemoryDisk): void {
  if (use.kind === "Clear" || (use.kind === "Erase" && memory.isZero)) {
    machine.setDisk(name, { kind: "blank" });
  }
  if (use.kind !== "Write") return;
  const seed = readSeedFiles(memory.peek, memory.sectorSize);
  if (seed !== null) machine.setDisk(name, { kind: "image", digest: use.digest, seed });
}

function diskOf(disk: SimulatedDisk): InventoryDisk {
  const { name, wwn, serial, model, sizeBytes, rotational, logicalSectorBytes, content } = disk;
  const isSigned = content.kind !== "blank" && content.kind !== "remains";
  return {
    name,
    wwn,
    serial,
    model,
    sizeBytes,
    rotational,
    logicalSectorSize: logicalSectorBytes,
    transport: name.startsWith("nvme") ? "nvme" : "sata",
    remote: false,
    removable: false,
    readOnly: false,
    blank: !isSigned,
    ...(isSigned && { content: content.kind === "image" ? "gpt" : "ext4" }),
  };
}

function inventoryOf(machine: SimulatedMachine): Inventory {
  const { board } = machine;
  return {
    collectedAt: new Date().toISOString(),
    architecture: "amd64",
    firmware: "UEFI",
    secureBoot: false,
    system: {
      uuid: board.uuid,
      manufacturer: board.manufacturer,
      product: board.model,
      serial: board.serial,
      biosVendor: "Steelyard",
      biosVersion: "1.0",
    },
    cpu: { model: "Simulated", sockets: 1, cores: board.cpuCores, threads: board.cpuCores * 2 },
    memory: { totalMiB: board.memoryGiB * 1_024 },
    disks: machine.disks.map(diskOf),
    nics: board.macs.map((mac, n) => ({ name: `eth${n}`, mac, linkUp: true, speedMbps: 10_000 })),
    gpus: 0,
  };
}
