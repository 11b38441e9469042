import { describe, expect, it } from "vitest";
import { minutes, seconds } from "#base/duration.ts";
import type { FailureReason } from "#base/failure.ts";
import { createLog } from "#base/log.ts";
import { failureOf, soon } from "#test/fakes/bad-bmc.ts";
import { FakeBmc } from "#test/fakes/bmc.ts";
import { FakeClock } from "#test/fakes/clock.ts";
import { Credentials } from "./credentials.ts";
import type { BmcDriver } from "./driver.ts";
import type { Gate } from "./gate.ts";
import type { BmcKey } from "./line.ts";
import { BmcPool, type PoolDeps } from "./pool.ts";

const key: BmcKey = {
  address: "redfish://10.0.0.7",
  credentials: new Credentials("root", "calvin"),
  credentialsVersion: "1",
  tls: { mode: "PinOnFirstUse", pin: null },
};

/** A pool whose every BMC is the one fake, which asks the gate as a driver does. */
function pool(differs: Partial<PoolDeps> = {}) {
  const clock = new FakeClock();
  const closed: string[] = [];
  let opened = 0;
  let mayAsk = true;
  const fake = new FakeBmc({ fingerprint: "aa" });
  const open = (_: string, __: Credentials, ___: unknown, { gate }: { gate: Gate }): BmcDriver => {
    opened += 1;
    return gated(fake, gate, () => closed.push("closed"));
  };
  const deps = { clock, log: createLog("test", "fatal"), mayAsk: () => mayAsk, open };
  return {
    pool: new BmcPool({ ...deps, ...differs }),
    clock,
    fake,
    closed,
    opened: () => opened,
    loseLease: () => {
      mayAsk = false;
    },
  };
}

/** One request for a read; a read and a write for what changes something. */
function gated(fake: FakeBmc, gate: Gate, close: () => void): BmcDriver {
  const write = async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    await gate("read", signal);
    await gate("write", signal);
    return work();
  };
  return {
    observe: async (signal) => {
      await gate("read", signal);
      return fake.observe(signal);
    },
    setPower: (want, signal) => write(signal, () => fake.setPower(want, signal)),
    shutdown: (signal) => write(signal, () => fake.shutdown(signal)),
    restart: (signal) => write(signal, () => fake.restart(signal)),
    bootOnce: (target, mode, signal) => write(signal, () => fake.bootOnce(target, mode, signal)),
    [Symbol.asyncDispose]: async () => close(),
  };
}

const observe = (of: BmcPool, differs: Partial<BmcKey> = {}) =>
  of.lease({ ...key, ...differs }).observe(soon());

describe("the pool of BMCs", () => {
  it("opens a BMC once for many leases, and closes it at the end", async () => {
    const { pool: bmcs, opened, closed } = pool();
    await observe(bmcs);
    await observe(bmcs);
    expect([opened(), closed.length]).toStrictEqual([1, 0]);
    await bmcs[Symbol.asyncDispose]();
    expect(closed).toHaveLength(1);
  });

  it("lets one exchange follow the other", async () => {
    let running = 0;
    let most = 0;
    const busy: BmcDriver = gated(
      new FakeBmc(),
      async () => {},
      () => {},
    );
    const observeSlowly: BmcDriver["observe"] = async (signal) => {
      most = Math.max(most, ++running);
      const seen = await busy.observe(signal);
      running -= 1;
      return seen;
    };
    const { pool: bmcs } = pool({ open: () => ({ ...busy, observe: observeSlowly }) });
    await Promise.all([1, 2, 3, 4].map(() => observe(bmcs)));
    expect(most).toBe(1);
    await bmcs[Symbol.asyncDispose]();
  });

  it("opens anew when the credentials or the TLS policy change", async () => {
    const { pool: bmcs, opened, closed } = pool();
    await observe(bmcs);
    await observe(bmcs, { credentialsVersion: "2" });
    await observe(bmcs, { credentialsVersion: "2", tls: { mode: "Insecure" } });
    expect([opened(), closed.length]).toStrictEqual([3, 2]);
    await bmcs[Symbol.asyncDispose]();
  });

  it.each([
    ["goes on with its line", "aa", 1],
    ["opens anew", "bb", 2],
  ])("%s when the pin that is recorded is %s", async (_, pin, lines) => {
    const { pool: bmcs, opened } = pool();
    await observe(bmcs);
    await observe(bmcs, { tls: { mode: "PinOnFirstUse", pin } });
    expect(opened()).toBe(lines);
    await bmcs[Symbol.asyncDispose]();
  });

  it("hangs up when a pin that was recorded is taken away, to take whatever is shown then", async () => {
    const { pool: bmcs, opened, closed } = pool();
    await observe(bmcs);
    await observe(bmcs, { tls: { mode: "PinOnFirstUse", pin: "aa" } });
    await observe(bmcs, { tls: { mode: "PinOnFirstUse", pin: null } });
    expect([opened(), closed.length]).toStrictEqual([2, 1]);
    await bmcs[Symbol.asyncDispose]();
  });

  it("tells of a bad address by the first call, not by the lease", async () => {
    const bmcs = new BmcPool({
      clock: new FakeClock(),
      log: createLog("test", "fatal"),
      mayAsk: () => true,
    });
    const bmc = bmcs.lease({ ...key, address: "http://10.0.0.7" });
    expect((await failureOf(bmc.observe(soon()))).reason).toBe("BmcAddressInvalid");
    await bmcs[Symbol.asyncDispose]();
  });

  it("logs out of BMCs that nobody asks for", async () => {
    const { pool: bmcs, clock, closed, opened } = pool();
    await observe(bmcs);
    await clock.advance(minutes(4));
    expect(closed).toHaveLength(0);
    await clock.advance(minutes(2));
    expect(closed).toHaveLength(1);
    await observe(bmcs);
    expect(opened()).toBe(2);
    await bmcs[Symbol.asyncDispose]();
  });
});

describe("the breaker", () => {
  it("opens after three failures and says how long, without asking the BMC", async () => {
    const { pool: bmcs, clock, fake } = pool();
    fake.failing = "BmcUnreachable";
    for (const _ of [1, 2, 3]) await failureOf(observe(bmcs));
    await clock.advance(seconds(10));
    expect(await failureOf(observe(bmcs))).toMatchObject({
      reason: "BmcUnreachable",
      message: "no answer 3 times in a row; next try in 50 s",
      retryAfter: 50_000,
    });
    expect(fake.exchanges).toBe(3);
    await bmcs[Symbol.asyncDispose]();
  });

  it("lets one try through after its time, and waits longer when that fails", async () => {
    const { pool: bmcs, clock, fake } = pool();
    fake.failing = "BmcUnreachable";
    for (const _ of [1, 2, 3]) await failureOf(observe(bmcs));
    const waits: (number | null)[] = [];
    for (const pause of [1, 2, 5, 10, 10]) {
      waits.push((await failureOf(observe(bmcs))).retryAfter);
      await clock.advance(minutes(pause));
      await failureOf(observe(bmcs)); // the try
    }
    expect(waits).toStrictEqual([1, 2, 5, 10, 10].map(minutes));
    expect(fake.exchanges).toBe(8);
    await bmcs[Symbol.asyncDispose]();
  });

  it("closes as soon as the BMC answers", async () => {
    const { pool: bmcs, clock, fake } = pool();
    fake.failing = "BmcUnreachable";
    for (const _ of [1, 2, 3]) await failureOf(observe(bmcs));
    await clock.advance(minutes(1));
    fake.failing = null;
    expect((await observe(bmcs)).power).toBe("off");
    fake.failing = "BmcUnreachable";
    await failureOf(observe(bmcs));
    expect((await failureOf(observe(bmcs))).message).not.toContain("next try");
    await bmcs[Symbol.asyncDispose]();
  });

  it.each<FailureReason>(["BmcBusy", "BmcProtocolViolation", "BmcUnsupported"])(
    "does not open for %s: that is an answer",
    async (reason) => {
      const { pool: bmcs, fake } = pool();
      fake.failing = reason;
      for (const _ of [1, 2, 3, 4]) await failureOf(observe(bmcs));
      expect(fake.exchanges).toBe(4);
      await bmcs[Symbol.asyncDispose]();
    },
  );
});

describe("a password that is refused", () => {
  it("is tried twice, and no third time until the Secret changes", async () => {
    const { pool: bmcs, fake } = pool();
    fake.failing = "BmcCredentialsRejected";
    for (const _ of [1, 2, 3, 4]) {
      expect((await failureOf(observe(bmcs))).reason).toBe("BmcCredentialsRejected");
    }
    expect(fake.exchanges).toBe(2);
    fake.failing = null;
    expect((await observe(bmcs, { credentialsVersion: "2" })).power).toBe("off");
    await bmcs[Symbol.asyncDispose]();
  });
});

describe("the leader's fence", () => {
  it("stops each request of a replica that may have lost its Lease, reads as well", async () => {
    const { pool: bmcs, fake, loseLease } = pool();
    loseLease();
    const bmc = bmcs.lease(key);
    expect((await failureOf(bmc.observe(soon()))).reason).toBe("NotLeader");
    expect((await failureOf(bmc.bootOnce("network", "UEFI", soon()))).reason).toBe("NotLeader");
    expect((await failureOf(bmc.setPower("on", soon()))).reason).toBe("NotLeader");
    expect([fake.trace, fake.exchanges]).toStrictEqual([[], 0]);
    await bmcs[Symbol.asyncDispose]();
  });
});

describe("the budget", () => {
  it("lets a burst through and spreads the rest", async () => {
    const { pool: bmcs, clock, fake } = pool({ limits: { requestsPerSecond: 2, burst: 3 } });
    const all = Promise.all([1, 2, 3, 4, 5].map(() => observe(bmcs)));
    await clock.advance(seconds(0));
    expect(fake.exchanges).toBe(3);
    await clock.advance(seconds(0.5));
    expect(fake.exchanges).toBe(4);
    await clock.advance(seconds(0.5));
    await all;
    expect(fake.exchanges).toBe(5);
    await bmcs[Symbol.asyncDispose]();
  });

  it("ends the waiting with BmcBusy when the caller has no more time", async () => {
    const { pool: bmcs } = pool({ limits: { requestsPerSecond: 0.001, burst: 1 } });
    await observe(bmcs);
    const failed = await failureOf(bmcs.lease(key).observe(AbortSignal.timeout(20)));
    expect(failed.reason).toBe("BmcBusy");
    await bmcs[Symbol.asyncDispose]();
  });
});
