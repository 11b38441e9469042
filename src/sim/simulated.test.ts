import { describe, expect, it } from "vitest";
import { minutes, seconds } from "#base/duration.ts";
import { FakeClock, settle } from "#test/fakes/clock.ts";
import { machine, runForEver } from "#test/fakes/simulated-bmc.ts";
import type { BootDevice, BootOutcome, BootProgram } from "./machine.ts";

const LONG = minutes(10);

/** Software that notes what it was started from and does as it is told. */
function software(outcomes: readonly BootOutcome[] = []): {
  readonly boots: string[];
  readonly boot: BootProgram;
} {
  const boots: string[] = [];
  const left = [...outcomes];
  return {
    boots,
    boot: async (board, device, signal) => {
      boots.push(device);
      const outcome = left.shift();
      if (outcome !== undefined) return outcome;
      const end = await runForEver(board, device, signal);
      boots.push("aborted");
      return end;
    },
  };
}

const once = (target: BootDevice) => ({ enabled: "Once", target, mode: "UEFI" }) as const;

describe("a simulated machine", () => {
  it("passes through PoweringOn, POST and the boot order", async () => {
    const clock = new FakeClock();
    const { boot, boots } = software(["nextDevice"]);
    await using board = machine(1, boot, clock);
    await board.reset("On");
    expect(board.power).toBe("PoweringOn");
    await clock.advance(LONG);
    expect(board.power).toBe("On");
    expect(boots).toStrictEqual(["network", "disk"]);
    expect(board.counters).toMatchObject({ resets: { On: 1 }, powerOns: 1 });
  });

  it("uses a Once override up at the first boot and not before", async () => {
    const clock = new FakeClock();
    const { boot, boots } = software(["reboot"]);
    await using board = machine(1, boot, clock);
    board.override = once("disk");
    await board.reset("On");
    await clock.advance(seconds(0));
    expect(board.override).toStrictEqual(once("disk"));
    await clock.advance(LONG);
    expect(boots).toStrictEqual(["disk", "network"]);
    expect(board.override.enabled).toBe("Disabled");
  });

  it("keeps a Continuous override", async () => {
    const clock = new FakeClock();
    const { boot, boots } = software(["reboot", "reboot"]);
    await using board = machine(1, boot, clock);
    board.override = { ...once("disk"), enabled: "Continuous" };
    await board.reset("On");
    await clock.advance(LONG);
    expect(boots).toStrictEqual(["disk", "disk", "disk"]);
  });

  it("ends what runs when its power goes", async () => {
    const clock = new FakeClock();
    const { boot, boots } = software();
    await using board = machine(1, boot, clock);
    await board.reset("On");
    await clock.advance(LONG);
    await board.reset("ForceOff");
    expect(board.power).toBe("PoweringOff");
    await clock.advance(LONG);
    expect(board.power).toBe("Off");
    expect(boots).toStrictEqual(["network", "aborted"]);
  });

  it("starts again after a reset, without going off", async () => {
    const clock = new FakeClock();
    const { boot, boots } = software();
    await using board = machine(1, boot, clock);
    await board.reset("On");
    await clock.advance(LONG);
    await board.reset("ForceRestart");
    expect(board.power).toBe("On");
    await clock.advance(LONG);
    expect(boots).toStrictEqual(["network", "aborted", "network"]);
    expect(board.counters).toMatchObject({ resets: { On: 1, ForceRestart: 1 }, powerOns: 1 });
  });

  it("goes off when its software says so", async () => {
    const clock = new FakeClock();
    await using board = machine(1, software(["powerOff"]).boot, clock);
    await board.reset("On");
    await clock.advance(LONG);
    expect(board.power).toBe("Off");
  });

  it("does nothing on orders that do not apply, but counts them", async () => {
    const clock = new FakeClock();
    await using board = machine(1, runForEver, clock);
    await board.reset("ForceOff");
    await board.reset("ForceRestart");
    await clock.advance(LONG);
    expect(board.power).toBe("Off");
    expect(board.counters.resets).toStrictEqual({ ForceOff: 1, ForceRestart: 1 });
  });

  it("does not count a pressed button as an order of the BMC", async () => {
    const clock = new FakeClock();
    await using board = machine(1, runForEver, clock);
    await board.press("on");
    await clock.advance(LONG);
    await board.press("off");
    await clock.advance(LONG);
    expect(board.counters).toMatchObject({ resets: {}, powerOns: 1 });
  });

  it("stands still when its software breaks, and starts again at the next power-on", async () => {
    const clock = new FakeClock();
    let broken = true;
    await using board = machine(
      1,
      async (...args) => {
        if (broken) throw new Error("a bug");
        return runForEver(...args);
      },
      clock,
    );
    await board.reset("On");
    await clock.advance(LONG);
    expect(board.power).toBe("On");
    broken = false;
    await board.reset("ForceOff");
    await clock.advance(LONG);
    await board.reset("On");
    await clock.advance(LONG);
    await settle();
    expect(board.counters.boots).toStrictEqual({ network: 2 });
  });

  it("counts what is done to its disks", async () => {
    await using board = machine(1);
    board.beginWrite("sda", "sha256:aa");
    board.setDisk("sda", { kind: "image", digest: "sha256:aa", seed: null });
    board.erase("sdb");
    expect(board.counters).toMatchObject({ diskWrites: 1, erases: 1 });
    expect(board.disks.map(({ content }) => content.kind)).toStrictEqual(["image", "blank"]);
  });
});
