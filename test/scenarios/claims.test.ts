/** Claims on real (simulated) machines: what a tenant sees, and what never happens to a machine. */
import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { useNamespace } from "#test/cluster/harness.ts";
import { osImage } from "../../tools/room/manifests.ts";
import { resetsOf, type Scene, useScene } from "./scene.ts";
import { Tenant } from "./tenant.ts";

const MACHINES = 8;
const DISKS = 2;
const NEXT = "claims-next";

const namespace = useNamespace("claims");
const scene = useScene({
  zone: "claims",
  machines: MACHINES,
  operatorArgs: ["--lease-seconds", "3", "--renew-seconds", "2", "--retry-seconds", "0.5"],
});
let tenant: Tenant;
let names: readonly string[];

beforeAll(async () => {
  const s = scene();
  tenant = await Tenant.moveIn(s, namespace);
  await s.apply(osImage(s.room.images.add(NEXT)));
  const servers = Array.from({ length: MACHINES }, () => s.server());
  names = servers.map(({ name }) => name);
  await Promise.all(servers.map((server) => s.enrol(server)));
  await Promise.all(names.map((name) => s.phase(name, "Ready")));
});

const deploy = (s: Scene, more: object = {}) => ({
  deploy: { imageRef: { name: s.room.image.name }, ...more },
});

/** The Machine that a claim holds, by its own word. */
const machineOf = (claim: string): string => tenant.get(claim)?.status?.machineRef?.name ?? "";

/** How often anything was written to, erased or reset. */
async function deeds(s: Scene): Promise<readonly number[]> {
  const views = await Promise.all(names.map((name) => s.seen(name)));
  return views.flatMap((view) => [view.counters.diskWrites, view.counters.erases, resetsOf(view)]);
}

describe("a claim", () => {
  it("for hardware that is not there says why of each machine, and touches none", async () => {
    const s = scene();
    const before = await deeds(s);
    await tenant.claim("huge", { ...deploy(s), requirements: { minMemoryGiB: 100_000 } });
    const why = await tenant.says("huge", "Stalled", "True NotPlaced");
    // Other files may have left machines in zones of their own.
    expect(why).toMatch(new RegExp(`^0 of \\d+ machines fit: .*\\b${MACHINES} lack memory\\b`));
    await expect.poll(() => tenant.told("huge")).toEqual(["NotPlaced"]);
    expect(tenant.get("huge")?.metadata.finalizers).toBeUndefined();
    expect(await deeds(s)).toEqual(before);
    await tenant.delete("huge");
    await tenant.gone("huge");
  });
});

describe.concurrent("a claim that is served", () => {
  it("gets a machine, runs its image with its user data, and gives it back erased", async () => {
    const s = scene();
    await tenant.userData("seed", "#cloud-config\nhostname: mine\n");
    await tenant.claim("whole", deploy(s, { userDataSecretRef: { name: "seed" } }));
    await tenant.says("whole", "Ready", "True Bound");
    const name = machineOf("whole");
    const claim = tenant.get("whole");
    expect(s.get(name)?.status).toMatchObject({
      phase: "Deployed",
      claimRef: { namespace, name: "whole", uid: claim?.metadata.uid },
      providerID: claim?.status?.providerID,
      image: s.room.image.name,
    });
    const task = s.tasksOf(name).findLast(({ spec }) => spec.type === "Deploy");
    expect(await s.seedOf(task)).toBeNull();

    await tenant.delete("whole");
    await s.phase(name, "Releasing");
    await tenant.gone("whole");
    const machine = await s.until(name, "free", ({ status }) => status?.claimRef === undefined);
    expect(machine.status).toMatchObject({ phase: "Ready", applied: { disk: "Erased" } });
    const { counters } = await s.seen(name);
    expect(counters).toMatchObject({ diskWrites: 1, erases: DISKS });
    expect(await tenant.told("whole")).toEqual(expect.arrayContaining(["Bound", "Ready"]));
  });

  it("with another image is told so, and reinstalled if it says so", async () => {
    const s = scene();
    await tenant.claim("moved", deploy(s));
    await tenant.says("moved", "Ready", "True Bound");
    const name = machineOf("moved");
    await tenant.edit("moved", { deploy: { imageRef: { name: NEXT } } });
    expect(await tenant.says("moved", "UpToDate", "False ImageDiffers")).toContain(NEXT);
    expect((await s.seen(name)).counters.diskWrites).toBe(s.history.granted(name, "Deploy"));

    await tenant.edit("moved", { updateStrategy: "Reinstall" });
    await tenant.says("moved", "UpToDate", "True UpToDate");
    await tenant.says("moved", "Ready", "True Bound");
    expect(machineOf("moved")).toBe(name);
    expect(s.get(name)?.status).toMatchObject({ phase: "Deployed", image: NEXT });
    await tenant.delete("moved");
    await tenant.gone("moved");
  });

  it("deleted by force loses its machine, which nobody touches until an heir adopts it", async () => {
    const s = scene();
    await tenant.claim("lost", deploy(s));
    await tenant.says("lost", "Ready", "True Bound");
    const name = machineOf("lost");
    const before = await s.seen(name);

    await tenant.deleteByForce("lost");
    expect(await s.stalled(name, "ClaimLost")).toMatch(/[Aa]dopt/);
    await s.poke(name);
    const machineRef = { namespace: "machines", name };
    await tenant.claim("heir", { ...deploy(s), machineRef, adoptBound: true });
    await tenant.says("heir", "Ready", "True Bound");
    await s.until(name, "well", ({ status }) => status?.claimRef?.name === "heir");
    const after = await s.seen(name);
    expect([after.counters.diskWrites, after.counters.erases, resetsOf(after)]).toEqual([
      before.counters.diskWrites,
      before.counters.erases,
      resetsOf(before),
    ]);
    await tenant.delete("heir");
    await tenant.gone("heir");
  });
});

describe("an operator that is killed while it binds", () => {
  const CLAIMS = MACHINES;

  /** Every pair of claim and Machine that was ever seen, in any version of any Machine. */
  function pairs(s: Scene): ReadonlyMap<string, ReadonlySet<string>> {
    const seen = new Map<string, Set<string>>();
    s.machines.onChange((_, machine) => {
      const { uid } = machine?.status?.claimRef ?? {};
      if (machine === undefined || uid === undefined) return;
      seen.set(uid, (seen.get(uid) ?? new Set()).add(machine.metadata.name));
    });
    return seen;
  }

  /** Resolves once so many of them are on their way: their intent is written, or more. */
  async function underWay(s: Scene, claims: readonly string[], count: number): Promise<void> {
    const intents = (): number =>
      claims.filter((name) => tenant.get(name)?.metadata.finalizers !== undefined).length;
    for (let waited = 0; intents() < count && waited < 5_000; waited++) {
      await systemClock.sleep(seconds(0.002), s.signal);
    }
  }

  it.each([1, 3, 6])(
    "when %i of them are on their way binds each to one machine, and to one only",
    async (moment) => {
      const s = scene();
      const seen = pairs(s);
      const claims = Array.from({ length: CLAIMS }, (_, n) => `c${moment}-${n}`);
      await Promise.all(claims.map((name) => tenant.claim(name)));
      await underWay(s, claims, moment);
      s.room.operator.kill("SIGKILL");
      await s.room.operator.ended;
      s.room.startOperator();

      for (const name of claims) await tenant.says(name, "Ready", "True Bound");
      expect(new Set(claims.map(machineOf)).size).toBe(CLAIMS);
      const uids = claims.map((name) => tenant.get(name)?.metadata.uid ?? "");
      const held = uids.map((uid) => [...(seen.get(uid) ?? [])]);
      expect(held).toEqual(claims.map((name) => [machineOf(name)]));
      for (const name of claims) await tenant.delete(name);
      for (const name of claims) await tenant.gone(name);
    },
    120_000,
  );
});
