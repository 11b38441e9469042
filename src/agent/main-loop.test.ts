import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Order } from "#api/agent.ts";
import { systemClock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";
import type { Mac } from "#base/mac.ts";
import { simulatedHardware } from "#sim/agent-hardware.ts";
import type { DiskContent } from "#sim/disk.ts";
import { diskImage } from "#sim/disk-image.ts";
import { SimulatedMachine } from "#sim/machine.ts";
import { AgentRack } from "#test/fakes/agent-rack.ts";
import { live } from "./main-loop.ts";

const GIB = 2 ** 30;
const NONE = 0 as Duration;
/** As the clock on the wall, but nobody sleeps for long: what is retried is retried at once. */
const clock = {
  now: () => Date.now(),
  sleep: (time: Duration, signal: AbortSignal) =>
    systemClock.sleep(Math.min(time, 5) as Duration, signal),
};

const IMAGE = diskImage("test");
const DIGEST = `sha256:${createHash("sha256").update(IMAGE).digest("hex")}`;

let rack: AgentRack;
beforeEach(async () => {
  rack = await AgentRack.start();
  rack.images.set(DIGEST, IMAGE);
});
afterEach(() => rack[Symbol.asyncDispose]());

const order = (type: Order["type"], rest: Partial<Order> = {}): Omit<Order, "session"> => ({
  task: `m1-${type.toLowerCase()}-1`,
  type,
  machine: "m1",
  ...rest,
});

const deploy = (digest = DIGEST): Omit<Order, "session"> =>
  order("Deploy", {
    imageUrl: `${rack.boot.rackUrl}/images/${digest}`,
    deploy: {
      image: "debian",
      artifact: {
        architecture: "amd64",
        format: "raw",
        compression: "none",
        url: "http://example.org/a",
        digest,
        sectorSize: 512,
      },
      readiness: "PhoneHome",
      hostname: "m1",
    },
  });

/** A board with two disks: the smaller first. */
function machine(contents: readonly DiskContent[] = []): SimulatedMachine {
  const board = {
    uuid: "4c4c4544-0035-5810-8054-b3c04f4d4431",
    serial: "SN-1",
    manufacturer: "Steelyard",
    model: "Sim",
    macs: ["52:54:00:00:00:01" as Mac],
    cpuCores: 2,
    memoryGiB: 4,
  };
  const disk = (name: string, size: number, content: DiskContent = { kind: "blank" }) => ({
    name,
    wwn: `0x5000${name}`,
    serial: `S-${name}`,
    model: "Sim",
    sizeBytes: size * GIB,
    rotational: false,
    logicalSectorBytes: 512 as const,
    content,
  });
  return new SimulatedMachine(
    {
      name: "m1",
      board,
      disks: [disk("sda", 8, contents[0]), disk("sdb", 16, contents[1])],
      bootOrder: ["network", "disk"],
      speed: 1,
      clock,
    },
    () => ({
      power: "On",
      powerOn: async () => {},
      forceOff: async () => {},
      restart: async () => {},
      shutDown: async () => {},
      [Symbol.asyncDispose]: async () => {},
    }),
  );
}

const run = (
  on: SimulatedMachine,
  signal = new AbortController().signal,
  { isStranger = false } = {},
) => {
  const hardware = simulatedHardware(on, { inventory: NONE, write: NONE, erase: NONE });
  const boot = { ...rack.boot, isStranger };
  return live({ boot, hardware, clock, random: () => 0, log: () => {} }, signal);
};
const visit = (on: SimulatedMachine) => run(on, new AbortController().signal, { isStranger: true });

describe("the agent", () => {
  it("says who it is, then carries out its order", async () => {
    rack.orders = [order("Commission")];
    const on = machine([{ kind: "foreign" }]);
    expect(await run(on)).toBe("PowerOff");
    expect(rack.hellos).toMatchObject([
      { token: "token-1", macAddresses: ["52:54:00:00:00:01"], serial: "SN-1" },
    ]);
    expect(rack.inventories.map(({ disks }) => disks.map(({ name }) => name))).toStrictEqual([
      ["sda", "sdb"],
    ]);
    expect(rack.last).toMatchObject({
      state: "Succeeded",
      results: [
        { disk: "S-sda", outcome: "Data" },
        { disk: "S-sdb", outcome: "Blank" },
      ],
    });
    expect(on.counters).toMatchObject({ diskWrites: 0, erases: 0 });
  });

  it("writes an image with its seed, and reboots once that is persisted", async () => {
    rack.orders = [deploy()];
    const on = machine([{ kind: "blank" }, { kind: "foreign" }]);
    expect(await run(on)).toBe("Reboot");
    expect(rack.trace.at(-1)).toBe("report Written");
    expect(rack.last?.results).toStrictEqual([{ disk: "S-sda", outcome: "Written" }]);
    expect(on.disks.map(({ content }) => content)).toStrictEqual([
      { kind: "image", digest: DIGEST, seed: rack.seed },
      { kind: "blank" }, // so that nothing old boots, or is mounted, in its place
    ]);
    expect(on.counters).toMatchObject({ diskWrites: 1, erases: 0 });
  });

  it("does not leave RAM while the rack does not take its last report", async () => {
    rack.orders = [deploy()];
    let refusals = 3;
    rack.answer = (_, report) => (report?.state === "Written" && refusals-- > 0 ? 503 : null);
    expect(await run(machine())).toBe("Reboot");
    expect(rack.trace.filter((what) => what === "report Written").length).toBe(4);
  });

  it("asks again while the rack cannot grant anything", async () => {
    rack.orders = [order("Commission")];
    let busy = 3;
    rack.answer = (path) => (path === "hello" && busy-- > 0 ? 503 : null);
    expect(await run(machine())).toBe("PowerOff");
    expect(rack.last?.state).toBe("Succeeded");
  });

  it("shows the same key when the answer to hello got lost", async () => {
    rack.orders = [order("Commission")];
    let lost = 2;
    rack.answer = (path) => (path === "hello" && lost-- > 0 ? "lost" : null);
    expect(await run(machine())).toBe("PowerOff");
    expect(rack.hellos.length).toBe(3);
    expect(new Set(rack.hellos.map(({ agentKey }) => agentKey)).size).toBe(1);
  });

  it("erases, and says of each disk what was done", async () => {
    rack.orders = [order("Erase", { erase: { method: "Full", expectDisks: ["S-sda", "S-sdb"] } })];
    const on = machine([{ kind: "foreign" }, { kind: "foreign" }]);
    expect(await run(on)).toBe("PowerOff");
    const erased = { outcome: "Erased", method: "write-zeroes", claims: "Clear" };
    expect(rack.last).toMatchObject({
      state: "Succeeded",
      results: [
        { disk: "S-sda", ...erased },
        { disk: "S-sdb", ...erased },
      ],
    });
    expect(on.disks.map(({ content }) => content.kind)).toStrictEqual(["blank", "blank"]);
  });

  it("erases nothing while a disk is missing, or new, and says what to do", async () => {
    rack.orders = [order("Erase", { erase: { method: "Full", expectDisks: ["S-sda", "S-old"] } })];
    const on = machine([{ kind: "foreign" }, { kind: "foreign" }]);
    expect(await run(on)).toBe("PowerOff");
    expect(rack.last).toMatchObject({
      state: "Failed",
      reason: "EraseIncomplete",
      message: expect.stringMatching(
        /^nothing was erased in this attempt: S-sdb \(new since commissioning.*\), S-old \(missing\)\. Put back.*nonces\.acceptHardware.*nonces\.retry.*finds\.$/,
      ),
    });
    expect(rack.last?.results).toStrictEqual([
      { disk: "S-sda", outcome: "Data", message: "not erased: another disk prevents it" },
      { disk: "S-sdb", outcome: "Data", message: "new since commissioning: not touched" },
      { disk: "S-old", outcome: "Missing" },
    ]);
    expect(on.counters).toMatchObject({ diskWrites: 0, erases: 0 });
    expect(on.disks.map(({ content }) => content.kind)).toStrictEqual(["foreign", "foreign"]);
  });

  it("says what to do, however many disks are missing", async () => {
    const expectDisks = Array.from({ length: 100 }, (_, n) => `S-${n}`);
    rack.orders = [order("Erase", { erase: { method: "Full", expectDisks } })];
    await run(machine());
    expect(rack.last?.message).toMatch(/S-0 \(missing\).*…\. Put back.*finds\.$/);
  });

  it("carries out the next order without another boot", async () => {
    rack.orders = [order("Commission"), deploy()];
    rack.lingerSeconds = 1;
    expect(await run(machine())).toBe("Reboot");
    expect(rack.hellos.length).toBe(1);
    expect(rack.reports.map(({ state }) => state)).toContain("Succeeded");
    expect(rack.last?.state).toBe("Written");
  });

  it("goes on with the session that an answer has renewed", async () => {
    rack.orders = [order("Commission"), deploy()];
    rack.lingerSeconds = 1;
    rack.renews = true;
    expect(await run(machine())).toBe("Reboot");
    expect(rack.last?.state).toBe("Written");
  });

  it("tells what is here when nothing is ordered, and changes nothing", async () => {
    const on = machine([{ kind: "foreign" }]);
    expect(await run(on)).toBe("PowerOff");
    expect(rack.inventories.length).toBe(1);
    expect(on.counters).toMatchObject({ diskWrites: 0, erases: 0 });
  });

  it.each<{ title: string; contents: DiskContent[]; ending: string }>([
    {
      title: "its own system, which it was starting",
      contents: [{ kind: "foreign" }],
      ending: "Reboot",
    },
    {
      title: "nothing, and is powered off, where its disks are blank",
      contents: [],
      ending: "PowerOff",
    },
  ])("has a stranger go on to $title", async ({ contents, ending }) => {
    const on = machine(contents);
    expect(await visit(on)).toBe(ending);
    expect(rack.inventories.length).toBe(1);
    expect(on.counters).toMatchObject({ diskWrites: 0, erases: 0 });
  });

  it("has a stranger go on to its own system where the rack refuses it", async () => {
    rack.answer = () => 403;
    expect(await visit(machine([{ kind: "foreign" }]))).toBe("Reboot");
  });

  it("stops and powers off when its token is refused", async () => {
    rack.orders = [deploy()];
    rack.answer = (path) => (path === "hello" ? 403 : null);
    const on = machine();
    expect(await run(on)).toBe("PowerOff");
    expect(rack.trace).toStrictEqual(["hello"]);
    expect(on.counters.diskWrites).toBe(0);
  });

  it("stops when a report is refused, and reports nothing more", async () => {
    rack.orders = [deploy(), order("Commission")];
    rack.answer = (path) => (path === "report" ? 403 : null);
    rack.imageBytes = 1; // the write is under way when the refusal comes
    const on = machine();
    expect(await run(on)).toBe("PowerOff");
    expect(on.disks[0]?.content.kind).not.toBe("image");
    expect(rack.trace.filter((what) => what.startsWith("report")).length).toBe(1);
  });

  it("fails with the reason when the digest does not match", async () => {
    const wrong = `sha256:${"0".repeat(64)}`;
    rack.images.set(wrong, IMAGE);
    rack.orders = [deploy(wrong)];
    const on = machine();
    expect(await run(on)).toBe("PowerOff");
    expect(rack.last).toMatchObject({ state: "Failed", reason: "DigestMismatch" });
    expect(on.disks[0]?.content).toStrictEqual({ kind: "partial", digest: wrong });
  });

  it("fails with the reason when the rack has no such image", async () => {
    rack.images.clear();
    rack.orders = [deploy()];
    expect(await run(machine())).toBe("PowerOff");
    expect(rack.last).toMatchObject({ state: "Failed", reason: "ImageUnavailable" });
  });

  it("believes no other zone's rack", async () => {
    await using other = await AgentRack.start();
    const hardware = simulatedHardware(machine(), { inventory: NONE, write: NONE, erase: NONE });
    const boot = { ...rack.boot, api: other.boot.api };
    const deps = { boot, hardware, clock, random: () => 0, log: () => {} };
    expect(await live(deps, new AbortController().signal)).toBe("PowerOff");
    expect(other.trace).toStrictEqual([]);
  });

  it("believes no CA but the one of its command line", async () => {
    const hardware = simulatedHardware(machine(), { inventory: NONE, write: NONE, erase: NONE });
    const boot = { ...rack.boot, caSha256: "0".repeat(64) };
    const deps = { boot, hardware, clock, random: () => 0, log: () => {} };
    expect(await live(deps, new AbortController().signal)).toBe("PowerOff");
    expect(rack.trace).toStrictEqual([]);
  });
});
