import { spawnSync } from "node:child_process";
import { mkdtempDisposable, readFile, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { systemClock } from "#base/clock.ts";
import { createLog } from "#base/log.ts";
import { type BoardPower, SimulatedMachine } from "#sim/machine.ts";
import { QemuBackEnd } from "#sim/qemu.ts";
import { board } from "#test/fakes/simulated-bmc.ts";

const QEMU = spawnSync("qemu-system-x86_64", ["--version"]).status === 0;
if (!QEMU) console.warn("SKIPPED: no qemu-system-x86_64, so no virtual machine is powered");

/** Boot sectors: out 0x64, 0xFE resets by the keyboard controller; out 0x604, 0x2000 is q35's S5. */
const RESETS = Buffer.from("b0fee664f4ebfd", "hex");
const SWITCHES_OFF = Buffer.from("ba0406b80020eff4ebfd", "hex");
const STANDS_STILL = Buffer.from("f4ebfd", "hex");

interface Subject extends AsyncDisposable {
  readonly machine: SimulatedMachine;
  pid(): Promise<number>;
  reaches(state: BoardPower): Promise<void>;
}

/** A BIOS machine whose disk has this code in its boot sector. */
async function start(code: Buffer): Promise<Subject> {
  const folder = await mkdtempDisposable(join(tmpdir(), "qemu-"));
  const disk = join(folder.path, "disk.raw");
  const sector = Buffer.alloc(512);
  code.copy(sector);
  sector.writeUInt16LE(0xaa55, 510);
  await writeFile(disk, sector);
  await truncate(disk, 1024 ** 2);
  const config = {
    folder: folder.path,
    memoryMiB: 64,
    cpus: 1,
    diskFiles: [disk],
    taps: [],
    uefi: null,
    netns: null,
    extraArgs: [],
  };
  const machine = new SimulatedMachine(
    {
      name: "vm",
      board: { ...board(1), manufacturer: "Steel, Yard" },
      disks: [
        {
          name: "vda",
          wwn: "",
          serial: "D1",
          model: "QEMU",
          sizeBytes: 1024 ** 2,
          rotational: false,
          logicalSectorBytes: 512,
        },
      ],
      bootOrder: ["disk"],
      speed: 1,
      clock: systemClock,
    },
    (made) => new QemuBackEnd(made, config, { log: createLog("test", "warn") }),
  );
  const signal = AbortSignal.timeout(60_000);
  return {
    machine,
    pid: async () => Number(await readFile(join(folder.path, "qemu.pid"), "utf8")),
    reaches: async (state) => {
      while (machine.power !== state) await setTimeout(20, undefined, { signal });
    },
    [Symbol.asyncDispose]: async () => {
      await machine[Symbol.asyncDispose]();
      await folder.remove();
    },
  };
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe.skipIf(!QEMU)("a virtual machine behind the simulated BMC", () => {
  it("is on as a process and off as none", async () => {
    await using vm = await start(STANDS_STILL);
    await vm.machine.reset("On");
    await vm.reaches("On");
    const pid = await vm.pid();
    expect(isAlive(pid)).toBe(true);
    await vm.machine.reset("ForceOff");
    await vm.reaches("Off");
    expect(isAlive(pid)).toBe(false);
  });

  it("goes off when its guest switches itself off", async () => {
    await using vm = await start(SWITCHES_OFF);
    await vm.machine.reset("On");
    await vm.reaches("On");
    await vm.reaches("Off");
    expect(vm.machine.counters.powerOns).toBe(1);
  });

  it("stays on when its guest resets, and an override counts for the first boot only", async () => {
    await using vm = await start(RESETS);
    vm.machine.bootOrder = ["network", "disk"];
    vm.machine.override = { enabled: "Once", target: "disk", mode: "Legacy" };
    await vm.machine.reset("On");
    const signal = AbortSignal.timeout(60_000);
    while ((vm.machine.counters.boots.network ?? 0) < 1) {
      expect(vm.machine.power).not.toBe("Off");
      await setTimeout(20, undefined, { signal });
    }
    expect(vm.machine.counters.boots.disk).toBe(1);
    expect(vm.machine.override.enabled).toBe("Disabled");
  });

  it("starts anew when it is reset from outside", async () => {
    await using vm = await start(STANDS_STILL);
    await vm.machine.reset("On");
    await vm.reaches("On");
    const before = await vm.pid();
    await vm.machine.reset("ForceRestart");
    const signal = AbortSignal.timeout(60_000);
    while ((await vm.pid()) === before) await setTimeout(20, undefined, { signal });
    await vm.reaches("On");
    expect(isAlive(before)).toBe(false);
    expect(vm.machine.counters).toMatchObject({ powerOns: 1, resets: { On: 1, ForceRestart: 1 } });
  });

  it("is gone when the simulator is disposed of", async () => {
    const vm = await start(STANDS_STILL);
    await vm.machine.reset("On");
    await vm.reaches("On");
    const pid = await vm.pid();
    await vm[Symbol.asyncDispose]();
    expect(isAlive(pid)).toBe(false);
  });
});
