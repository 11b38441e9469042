import { describe, expect, it } from "vitest";
import { seconds } from "#base/duration.ts";
import { FakeClock, settle } from "#test/fakes/clock.ts";
import { FakeCluster } from "#test/fakes/cluster.ts";
import { FakeLog } from "#test/fakes/log.ts";
import { noAnswer } from "./client.ts";
import { heartbeat, LEASES, type Lease, LeaseAges } from "./lease.ts";

const metadata = { namespace: "steelyard-zone-a", name: "rack-1" };

function start() {
  const clock = new FakeClock();
  const state = { away: false };
  const cluster = new FakeCluster({
    clock,
    onCall: () => {
      if (state.away) throw noAnswer("away");
    },
  });
  const stop = new AbortController();
  const { log } = new FakeLog();
  const done = heartbeat({ client: cluster, metadata, holder: "pod-1", clock, log }, stop.signal);
  const ages = new LeaseAges(clock.monotonic);
  const lease = async (): Promise<Lease> => {
    const found = await cluster.get<Lease>(LEASES, metadata, AbortSignal.timeout(1_000));
    if (found === null) throw new Error("no Lease");
    return found;
  };
  return { clock, state, stop, done, ages, lease };
}

describe("a heartbeat", () => {
  it("is made where there is none, and renewed each ten seconds", async () => {
    const { clock, lease } = start();
    await settle();
    expect((await lease()).spec).toMatchObject({
      holderIdentity: "pod-1",
      leaseDurationSeconds: 40,
    });
    await clock.advance(seconds(10));
    expect((await lease()).spec.renewTime).toBe("2026-01-01T00:00:10.000000Z");
  });

  it("goes on after the API server was away", async () => {
    const { clock, state, lease } = start();
    await settle();
    state.away = true;
    await clock.advance(seconds(30));
    state.away = false;
    await clock.advance(seconds(10));
    expect((await lease()).spec.renewTime).toBe("2026-01-01T00:00:40.000000Z");
  });

  it("ends with its signal", async () => {
    const { stop, done } = start();
    await settle();
    stop.abort();
    await done;
  });
});

describe("LeaseAges", () => {
  it("lets a Lease live while it is renewed, and then for its time", async () => {
    const { clock, stop, ages, lease } = start();
    await settle();
    for (let beats = 0; beats < 10; beats++) {
      expect(ages.isExpired(await lease())).toBe(false);
      await clock.advance(seconds(10));
    }
    ages.observe(await lease());
    stop.abort();
    await clock.advance(seconds(39));
    expect(ages.isExpired(await lease())).toBe(false);
    await clock.advance(seconds(1));
    expect(ages.isExpired(await lease())).toBe(true);
  });

  it("does not believe the times in a Lease: clocks differ", async () => {
    const { clock, stop, ages, lease } = start();
    await settle();
    stop.abort();
    const old = await lease();
    await clock.advance(seconds(3_600));
    expect(ages.isExpired(old)).toBe(false); // the first that we see of it
  });

  it("counts a Lease that was given up as expired at once", async () => {
    const { ages, lease } = start();
    await settle();
    const held = await lease();
    const given = { ...held, spec: { ...held.spec, holderIdentity: "" } };
    expect(ages.isExpired(given)).toBe(true);
  });
});
