import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BlockDevice } from "#agent/hardware.ts";
import type { DeployPlan } from "#api/machine-task.ts";
import { diskImage } from "#sim/disk-image.ts";
import { AgentRack } from "#test/fakes/agent-rack.ts";
import { type Special, TaskMachine } from "#test/fakes/task-machine.ts";

const IMAGE = diskImage("test");
const DIGEST = `sha256:${createHash("sha256").update(IMAGE).digest("hex")}`;
const GIB = 2 ** 30;
const MIB = 2 ** 20;
const LARGER: Special = { sizeBytes: 8 * GIB };

let rack: AgentRack;
beforeEach(async () => {
  rack = await AgentRack.start();
  rack.images.set(DIGEST, IMAGE);
});
afterEach(() => rack[Symbol.asyncDispose]());

const deploy = (on: TaskMachine, keepDisks: string[] = []) => {
  const imageUrl = `${rack.boot.rackUrl}/images/${DIGEST}`;
  const plan: DeployPlan = {
    image: "debian",
    artifact: {
      architecture: "amd64",
      format: "raw",
      compression: "none",
      url: "http://example.org/a",
      digest: DIGEST,
      sectorSize: 512,
    },
    readiness: "PhoneHome",
    keepDisks,
    hostname: "m1",
  };
  return on.run({ type: "Deploy", imageUrl, deploy: plan });
};

/** As Linux says it. */
const eio = (syscall: string) => async (): Promise<never> => {
  throw Object.assign(new Error(`EIO: i/o error, ${syscall}`), { code: "EIO", syscall });
};

describe("a Deploy", () => {
  it.each([
    ["is written to", { write: eio("write") }, "write from byte 0 on: EIO: i/o error, write"],
    ["is to keep it", { settle: eio("fdatasync") }, "write from byte 0 on: EIO: i/o error, fdata"],
  ])("names a disk beside its own that fails as it %s", async (_, faults, words) => {
    const on = new TaskMachine({ sda: {}, sdb: { ...LARGER, faults } });
    await expect(deploy(on)).rejects.toMatchObject({
      reason: "DiskFailed",
      message: expect.stringContaining(`disk sdb (S-sdb): ${words}`),
    });
    expect(on.opened).not.toContain("sda Write");
  });

  it("says what to do about it, and goes on once that is done", async () => {
    const on = new TaskMachine({ sda: {}, sdb: { ...LARGER, faults: { write: eio("write") } } });
    await expect(deploy(on)).rejects.toThrow(
      /: replace it and .*, or name it in spec\.onRelease\.keepDisks/,
    );
    expect(await deploy(on, ["S-sdb"])).toMatchObject({ state: "Written" });
  });

  it.each<[string, Partial<BlockDevice>, string]>([
    ["cleared", { write: eio("write") }, "write from byte 0 on: EIO"],
    ["zeroed", { zero: eio("write") }, "write zeros from byte 0 on: EIO"],
    ["read", { read: eio("read") }, "read from byte 512 on: EIO"],
  ])("names its own disk where that fails to be %s", async (_, faults, words) => {
    const on = new TaskMachine({ sda: { faults }, sdb: LARGER });
    await expect(deploy(on)).rejects.toMatchObject({
      reason: "DiskFailed",
      message: expect.stringContaining(`disk sda (S-sda): ${words}`),
    });
  });

  it("clears the signatures of the machine's other disks, and opens none that is not its own", async () => {
    const on = new TaskMachine({
      sda: {},
      sdb: LARGER,
      sdc: { ...LARGER, remote: true, transport: "iscsi" },
      sdd: { ...LARGER, remote: true, transport: "fc" },
      sde: LARGER, // to be kept, by its serial
      sdf: { ...LARGER, wwn: "naa.5000c500a0000001" }, // by its WWN, as lsblk writes it
      sdg: { ...LARGER, removable: true },
      sdh: { ...LARGER, readOnly: true },
      sdi: { sizeBytes: 0 },
    });
    expect(await deploy(on, ["S-sde", "0x5000c500a0000001"])).toMatchObject({ state: "Written" });
    expect(on.opened).toStrictEqual(["sdb Clear", "sda Write"]);
    expect([...on.changed]).toStrictEqual(["sdb", "sda"]);

    const isZero = (at: number): boolean | undefined =>
      on.peek("sdb", at, MIB)?.equals(Buffer.alloc(MIB));
    expect(
      [0, 1, 2, 3].map((n) => isZero(n * MIB)),
      "its first MiB",
    ).not.toContain(false);
    expect(
      [4, 3, 2, 1].map((n) => isZero(8 * GIB - n * MIB)),
      "its last",
    ).not.toContain(false);
    expect(isZero(4 * GIB), "the data between").toBe(false);
  });

  it("never takes a disk that is not the machine's own for its system", async () => {
    const on = new TaskMachine({
      sda: { remote: true, transport: "fc" },
      sdb: {},
      sdc: { removable: true },
      sdd: { readOnly: true },
    });
    await expect(deploy(on, ["S-sdb"])).rejects.toMatchObject({ reason: "RootDeviceNotFound" });
    expect(on.opened).toStrictEqual([]);
  });
});
