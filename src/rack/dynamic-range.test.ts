import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { zoneNamespace } from "#api/group.ts";
import type { Zone } from "#api/zone.ts";
import { seconds } from "#base/duration.ts";
import { createLog } from "#base/log.ts";
import type { Mac } from "#base/mac.ts";
import { ObjectCache } from "#kube/cache.ts";
import { noAnswer } from "#kube/client.ts";
import { LEASES, type Lease } from "#kube/lease.ts";
import { noMetrics } from "#kube/metrics.ts";
import { Leases } from "#netboot/dhcp/leases.ts";
import { FakeClock } from "#test/fakes/clock.ts";
import { FakeCluster } from "#test/fakes/cluster.ts";
import { DynamicRange } from "./dynamic-range.ts";
import { slicesOf } from "./site.ts";

const subnet = {
  name: "prov",
  cidr: "10.0.0.0/24",
  ranges: { dynamic: [{ from: "10.0.0.10", to: "10.0.0.20" }] },
  dhcp: "Server",
  relayed: false,
  discovery: "Off",
} as const;
const slices = slicesOf({ ...subnet, ranges: { dynamic: [...subnet.ranges.dynamic] } });

let stop = new AbortController();
beforeEach(() => {
  stop = new AbortController();
});
afterEach(() => stop.abort());

/** Runs for a minute; `holder` had the Lease before, and lets go of it. */
async function started({ holder, lost = false }: { holder?: string; lost?: boolean }) {
  const clock = new FakeClock();
  const api = { isAway: false };
  const onCall = () => {
    if (api.isAway) throw noAnswer("away");
  };
  const cluster = new FakeCluster({ clock, onCall });
  const leases = new Leases();
  const zones = new ObjectCache<Zone>();
  const zone = {
    metadata: { name: "a", uid: "z", resourceVersion: "1" },
    spec: {
      bootTrust: "Network" as const,
      subnets: [{ ...subnet, ranges: { dynamic: [...subnet.ranges.dynamic] } }],
    },
  };
  const list = zones.relist("1");
  list.page([zone]);
  list.end();
  if (holder !== undefined) {
    const metadata = { namespace: zoneNamespace("a"), name: "dhcp-a-dynamic" };
    const spec = { holderIdentity: holder, leaseDurationSeconds: 15 };
    await cluster.create(LEASES, { metadata, spec }, stop.signal);
  }
  const range = new DynamicRange({
    ...{ client: cluster, clock, monotonic: clock.monotonic, random: () => 0.5 },
    ...{ log: createLog("test", "silent"), metrics: noMetrics },
    ...{ zone: "a", rack: "r1", zones, leases, isFileLost: lost },
  });
  range.run(stop.signal).catch(() => undefined);
  for (let second = 0; second < 60; second++) await clock.advance(seconds(1));
  const offer = () => leases.offer("52:54:00:00:00:01" as Mac, slices, null, clock.now());
  return { range, offer, clock, cluster, api };
}

const lease = { namespace: zoneNamespace("a"), name: "dhcp-a-dynamic" };

/** Another rack's word on the Lease, as its elector would write it. */
async function taken(cluster: FakeCluster, holder: string): Promise<void> {
  const { spec } = (await cluster.get<Lease>(LEASES, lease, stop.signal)) ?? {};
  const leaseTransitions = (spec?.leaseTransitions ?? 0) + 1;
  const given = { holderIdentity: holder, leaseDurationSeconds: 15, leaseTransitions };
  await cluster.mergePatch(LEASES, lease, { spec: given }, {}, stop.signal);
}

const passing = async (clock: FakeClock, time: number): Promise<void> => {
  for (let second = 0; second < time; second++) await clock.advance(seconds(1));
};

describe("a zone's dynamic addresses", () => {
  it("are given by the rack that holds the Lease, at once where nobody had it before", async () => {
    const { range, offer } = await started({});
    expect(range.isHeld()).toBe(true);
    expect(offer()).toBe("10.0.0.10");
  });

  it("are given at once by a rack that was restarted with its book", async () => {
    expect((await started({ holder: "r1_abc" })).offer()).toBe("10.0.0.10");
  });

  it.each([
    { title: "has lost its book", before: { holder: "r1_abc", lost: true } },
    { title: "takes over from another", before: { holder: "r2_abc" } },
  ])("wait for an hour where a rack $title", async ({ before }) => {
    const { range, offer, clock } = await started(before);
    expect(range.isHeld()).toBe(true);
    expect(offer()).toBeNull();
    await clock.advance(seconds(3_600));
    expect(offer()).toBe("10.0.0.10");
  });

  it("wait for an hour where another rack gave them in between", async () => {
    const { range, offer, clock, cluster } = await started({});
    expect(offer()).toBe("10.0.0.10");
    await taken(cluster, "r2_abc");
    await passing(clock, 10);
    expect(range.isHeld()).toBe(false);
    await passing(clock, 60); // r2 never renews it
    expect(range.isHeld()).toBe(true);
    expect(offer()).toBeNull();
    await clock.advance(seconds(3_600));
    expect(offer()).toBe("10.0.0.10");
  });

  it("are given again at once where the API was away for a while, and nobody else led", async () => {
    const { range, offer, clock, api } = await started({});
    api.isAway = true;
    await passing(clock, 20);
    expect(range.isHeld()).toBe(false);
    api.isAway = false;
    await passing(clock, 10);
    expect(range.isHeld()).toBe(true);
    expect(offer()).toBe("10.0.0.10");
  });
});
