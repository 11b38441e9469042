import { describe, expect, it } from "vitest";
import { KINDS } from "#api/group.ts";
import type { HardwareProfile } from "#api/hardware-profile.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { OSImage } from "#api/os-image.ts";
import type { Zone } from "#api/zone.ts";
import { seconds } from "#base/duration.ts";
import type { KubeObject } from "#base/object.ts";
import { MACHINE_INDEXES } from "#controllers/machine/world.ts";
import { ObjectCache } from "#kube/cache.ts";
import { FakeClock } from "#test/fakes/clock.ts";
import { Shop } from "#test/fakes/shop.ts";
import { Scheduler } from "./scheduler.ts";
import { CLAIM_INDEXES } from "./world.ts";

/** Two claims that were just promised the two machines that there are. */
async function twoPromises() {
  const room = await Shop.with();
  await room.makeReady();
  await room.addReady("m2");
  await room.claim("c", { requirements: { minCPUs: 1_000 } });
  const waits = await room.claimed("c");
  const clock = new FakeClock();
  const caches = {
    claims: new ObjectCache<MachineClaim>({ indexes: CLAIM_INDEXES }),
    machines: new ObjectCache<Machine>({ indexes: MACHINE_INDEXES }),
    zones: new ObjectCache<Zone>(),
    images: new ObjectCache<OSImage>(),
    profiles: new ObjectCache<HardwareProfile>(),
    namespaces: new ObjectCache<KubeObject>(),
  };
  const zone = await room.cluster.get<Zone>(KINDS.zone, { name: "a" }, AbortSignal.timeout(5_000));
  if (zone !== null) caches.zones.changed(zone);
  for (const name of ["m1", "m2"]) caches.machines.changed(await room.machine(name));
  const easy = { ...waits, spec: { ...waits.spec, requirements: {} } };
  for (const name of ["c1", "c2"]) caches.claims.changed(named(easy, name));
  const scheduler = new Scheduler(caches, () => undefined, clock.monotonic);
  scheduler.pass();
  const promised = ["c1", "c2"].map((uid) => scheduler.promised(uid)?.metadata.name);
  expect(promised.sort()).toEqual(["m1", "m2"]);
  return { scheduler, clock };
}

const named = (claim: MachineClaim, name: string): MachineClaim => ({
  ...claim,
  metadata: { ...claim.metadata, name, uid: name },
});

describe("machines that were bound just now wait for the others", () => {
  it("while one promise after the other is carried out", async () => {
    const { scheduler, clock } = await twoPromises();
    scheduler.kept("c1");
    await clock.advance(seconds(0.9));
    expect(scheduler.isBinding).toBe(true);
  });

  it("not for a promise that is stuck", async () => {
    const { scheduler, clock } = await twoPromises();
    scheduler.kept("c1");
    await clock.advance(seconds(1));
    expect(scheduler.isBinding).toBe(false);
  });

  it("not once all were carried out", async () => {
    const { scheduler } = await twoPromises();
    scheduler.kept("c1");
    scheduler.kept("c2");
    expect(scheduler.isBinding).toBe(false);
  });
});
