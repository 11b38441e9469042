import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "#base/clock.ts";
import { createLog } from "#base/log.ts";
import { type Mac, macOf } from "#base/mac.ts";
import type { DiskModel } from "#sim/disk.ts";
import { type BootDevice, SimulatedMachine } from "#sim/machine.ts";
import { QemuBackEnd } from "#sim/qemu.ts";
import type { QemuConfig } from "#sim/qemu-args.ts";
import { ovmf } from "./firmware.ts";
import type { Lab } from "./lab.ts";
import { SerialConsole } from "./serial-console.ts";

export interface LabVmOptions {
  /** Its place in the lab: tap, MAC and UUID follow from it. */
  readonly at: number;
  readonly firmware: "UEFI" | "BIOS";
  /** "http" alone leaves UEFI HTTP boot as the only network boot. */
  readonly bootOrder: readonly BootDevice[];
  readonly diskBytes: readonly number[];
  readonly memoryMiB?: number;
}

/** A real virtual machine, off, with its own firmware variables and blank disks. */
export interface LabVm extends AsyncDisposable {
  readonly machine: SimulatedMachine;
  readonly console: SerialConsole;
  readonly diskFiles: readonly string[];
  readonly mac: Mac;
  readonly uuid: string;
}

export async function createVm(lab: Lab, options: LabVmOptions): Promise<LabVm> {
  const { at, firmware, bootOrder, diskBytes, memoryMiB = 2_560 } = options;
  const mac = macOf(Uint8Array.of(0x52, 0x54, 0, 0x88, 0, at + 2));
  const uuid = `4c4c4544-0000-1000-8000-00000000a${String(at + 2).padStart(3, "0")}`;
  const name = `vm${at}`;
  const folder = join(lab.folder, name);
  await mkdir(folder);
  const tap = lab.taps[at];
  if (tap === undefined) throw new Error(`the lab has no tap for machine ${at}`);
  const diskFiles = await Promise.all(
    diskBytes.map((size, disk) => lab.disk(`${name}/disk${disk}.raw`, size)),
  );
  const config: QemuConfig = {
    folder,
    memoryMiB,
    cpus: 2,
    diskFiles,
    taps: [tap],
    uefi: firmware === "UEFI" ? ovmf() : null,
    netns: lab.netns,
    extraArgs: [],
  };
  const board = {
    uuid,
    serial: `LAB-${at}`,
    macs: [mac],
    manufacturer: "Steelyard",
    model: "Virtual",
    cpuCores: 2,
    memoryGiB: memoryMiB / 1_024,
  };
  const machine = new SimulatedMachine(
    { name, board, disks: diskBytes.map(diskModel), bootOrder, speed: 1, clock: systemClock },
    (made) => new QemuBackEnd(made, config, { log: createLog(name, "warn") }),
  );
  const console = new SerialConsole(join(folder, "console.log"), systemClock);
  return {
    machine,
    console,
    diskFiles,
    mac,
    uuid,
    [Symbol.asyncDispose]: async () => {
      await machine[Symbol.asyncDispose]();
      await console[Symbol.asyncDispose]();
    },
  };
}

const diskModel = (sizeBytes: number, at: number): DiskModel => ({
  name: `vd${String.fromCharCode(97 + at)}`,
  wwn: "",
  serial: `LAB-DISK${at}`,
  model: "",
  sizeBytes,
  rotational: false,
  logicalSectorBytes: 512,
});
