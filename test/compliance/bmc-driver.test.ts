import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { systemClock } from "#base/clock.ts";
import { Failure } from "#base/failure.ts";
import { createLog } from "#base/log.ts";
import { Credentials } from "#bmc/credentials.ts";
import type { BmcDriver } from "#bmc/driver.ts";
import { BmcPool } from "#bmc/pool.ts";
import type { Personality } from "#sim/personality.ts";
import { FakeBmc } from "#test/fakes/bmc.ts";
import { ACCOUNT, startSimulated } from "#test/fakes/simulated-bmc.ts";

/** A BMC whose machine is off, and the number of effects that it has seen. */
interface Subject extends AsyncDisposable {
  readonly bmc: BmcDriver;
  /** How many requests changed the machine's power or boot settings. */
  effects(): number;
}

/** The Redfish driver, with a simulated machine behind a simulated BMC, over TLS on loopback. */
async function redfish(personality: Partial<Personality> = {}): Promise<Subject> {
  const simulated = await startSimulated(personality);
  const bmc = simulated.open();
  return {
    bmc,
    effects: () => simulated.bmc.counters.writes,
    [Symbol.asyncDispose]: async () => {
      await bmc[Symbol.asyncDispose]();
      await simulated[Symbol.asyncDispose]();
    },
  };
}

/** The same, through the pool that the operator uses. */
async function leased(): Promise<Subject> {
  const simulated = await startSimulated();
  const log = createLog("test", "fatal");
  const pool = new BmcPool({ clock: systemClock, log, mayAsk: () => true, limits: UNLIMITED });
  return {
    bmc: pool.lease({
      address: simulated.address,
      credentials: new Credentials(ACCOUNT.username, ACCOUNT.password),
      credentialsVersion: "1",
      tls: { mode: "PinOnFirstUse", pin: null },
    }),
    effects: () => simulated.bmc.counters.writes,
    [Symbol.asyncDispose]: async () => {
      await pool[Symbol.asyncDispose]();
      await simulated[Symbol.asyncDispose]();
    },
  };
}

const UNLIMITED = { requestsPerSecond: 1_000, burst: 1_000 };

/** Every driver there is. A new one adds a line, not a suite. */
const DRIVERS: Readonly<Record<string, () => Promise<Subject>>> = {
  FakeBmc: async () => {
    const bmc = new FakeBmc();
    return {
      bmc,
      effects: () => bmc.trace.length,
      [Symbol.asyncDispose]: () => bmc[Symbol.asyncDispose](),
    };
  },
  Redfish: () => redfish(),
  "A lease of Redfish": () => leased(),
  "Redfish without sessions": () => redfish({ auth: "basic" }),
  "Redfish that demands If-Match": () => redfish({ etag: "required" }),
  "Redfish without ETags or boot modes": () => redfish({ etag: "none", bootMode: false }),
  "Redfish with a push button": () =>
    redfish({ resetTypes: ["PushPowerButton", "ForceOff", "PowerCycle"] }),
};

const soon = (): AbortSignal => AbortSignal.timeout(5_000);

/** Asks again until the machine has followed, as a reconcile does; the signal is the limit. */
async function reaches(bmc: BmcDriver, power: "on" | "off"): Promise<boolean> {
  const signal = soon();
  while ((await bmc.observe(signal)).power !== power) await setTimeout(2, undefined, { signal });
  return true;
}

describe.each(Object.entries(DRIVERS))("%s as a BmcDriver", (_, open) => {
  it("says who the machine is, with the same answer each time", async () => {
    await using subject = await open();
    const first = await subject.bmc.observe(soon());
    expect(first).toMatchObject({
      power: "off",
      systemUuid: expect.stringMatching(/^[0-9a-f-]+$/),
    });
    expect(await subject.bmc.observe(soon())).toStrictEqual(first);
  });

  it("reports the power state that it was asked for", async () => {
    await using subject = await open();
    await subject.bmc.setPower("on", soon());
    expect(await reaches(subject.bmc, "on")).toBe(true);
    await subject.bmc.setPower("off", soon());
    expect(await reaches(subject.bmc, "off")).toBe(true);
  });

  it("changes nothing when the state already holds", async () => {
    await using subject = await open();
    await subject.bmc.setPower("off", soon());
    expect(subject.effects()).toBe(0);
  });

  it.each(["network", "http", "disk"] as const)("starts a machine from %s", async (target) => {
    await using subject = await open();
    await subject.bmc.bootOnce(target, "UEFI", soon());
    expect(await reaches(subject.bmc, "on")).toBe(true);
  });

  it("leaves a machine alone that is on when it is asked to start it", async () => {
    await using subject = await open();
    await subject.bmc.bootOnce("disk", "UEFI", soon());
    const before = subject.effects();
    await subject.bmc.bootOnce("network", "UEFI", soon());
    expect(subject.effects()).toBe(before);
  });

  it("restarts a machine that is on", async () => {
    await using subject = await open();
    await subject.bmc.setPower("on", soon());
    await reaches(subject.bmc, "on");
    const before = subject.effects();
    await subject.bmc.restart(soon());
    expect(subject.effects()).toBe(before + 1);
  });

  it("asks the system of a machine that is on to end by itself", async () => {
    await using subject = await open();
    await subject.bmc.setPower("on", soon());
    await reaches(subject.bmc, "on");
    expect(await subject.bmc.shutdown(soon())).toBe(true);
    expect(await reaches(subject.bmc, "off")).toBe(true);
  });

  it("leaves a machine off whose system it is asked to end", async () => {
    await using subject = await open();
    expect(await subject.bmc.shutdown(soon())).toBe(true);
    expect(subject.effects()).toBe(0);
  });

  it("leaves a machine off that it is asked to restart", async () => {
    await using subject = await open();
    await subject.bmc.restart(soon());
    expect(subject.effects()).toBe(0);
    expect((await subject.bmc.observe(soon())).power).toBe("off");
  });

  it("rejects with a Failure when the signal is spent", async () => {
    await using subject = await open();
    const { bmc } = subject;
    const spent = AbortSignal.abort();
    await expect(bmc.observe(spent)).rejects.toBeInstanceOf(Failure);
    await expect(bmc.setPower("on", spent)).rejects.toBeInstanceOf(Failure);
    await expect(bmc.bootOnce("network", "UEFI", spent)).rejects.toBeInstanceOf(Failure);
    expect(subject.effects()).toBe(0);
  });

  it("may be closed before it was ever used", async () => {
    await using subject = await open();
    expect(subject.effects()).toBe(0);
  });
});
