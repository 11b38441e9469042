/** Everything is restored from a backup, under new UIDs: no machine is touched by it. */
import { beforeAll, describe, expect, it } from "vitest";
import { KINDS } from "#api/group.ts";
import { LEASES } from "#kube/lease.ts";
import { useCluster, useNamespace } from "#test/cluster/harness.ts";
import { NAMESPACE } from "../../tools/room/manifests.ts";
import { sweep } from "../../tools/room/objects.ts";
import { restore, type Saved, save } from "./backup.ts";
import { admit, claim, isReady, untilClaim } from "./claims.ts";
import { resetsOf, type Scene, stallOf, useScene } from "./scene.ts";

const tenant = useNamespace("restored");
const scene = useScene({ zone: "restore", machines: 6, speed: 200 });
const LEASE = { namespace: "steelyard-system", name: "steelyard-operator" };

beforeAll(() => admit(scene(), tenant));

async function deeds(s: Scene, names: readonly string[]) {
  const views = await Promise.all(names.map((name) => s.seen(name)));
  return views.map((view) => ({
    name: view.name,
    resets: resetsOf(view),
    power: view.power,
    writes: view.counters.diskWrites,
    erases: view.counters.erases,
    holds: view.disks.map(({ content }) => content.kind),
  }));
}

type Backup = readonly (readonly [plural: string, saved: Saved])[];

async function backUp(s: Scene, names: readonly string[], claims: readonly string[]) {
  const { machine, machineTask, machineClaim } = KINDS;
  const kept: (readonly [string, Saved])[] = [];
  const keep = async (plural: string, namespace: string, name: string): Promise<void> => {
    kept.push([plural, await save(useCluster(), plural, { namespace, name }, s.signal)]);
  };
  for (const name of names) {
    await keep(machine.plural, NAMESPACE, name);
    for (const { metadata } of s.tasksOf(name)) {
      await keep(machineTask.plural, NAMESPACE, metadata.name);
    }
  }
  for (const name of claims) await keep(machineClaim.plural, tenant, name);
  return kept;
}

/** The cluster is lost, and with it whoever worked in it; a new one gets what the backup has. */
async function loseAndRestore(s: Scene, backup: Backup, withStatus: boolean): Promise<void> {
  s.room.operator.kill("SIGKILL");
  await s.room.operator.ended;
  await sweep(
    useCluster(),
    backup.map(([, saved]) => saved),
  );
  const names = backup.filter(([plural]) => plural === KINDS.machine.plural);
  for (const [, { metadata }] of names) await s.gone(metadata.name);
  for (const [plural, saved] of backup) {
    await restore(useCluster(), plural, saved, { withStatus }, s.signal);
  }
  await s.client.delete(LEASES, LEASE, {}, s.signal);
  s.room.startOperator();
}

describe.each([
  { what: "without their statuses, as Velero does", withStatus: false },
  { what: "with their statuses", withStatus: true },
])("machines, claims and tasks that are restored $what", ({ withStatus }) => {
  it("are found again as they were, but for the claim, which a person lets adopt its machine", async () => {
    const s = scene();
    const [owned, held, free] = [s.server().name, s.server().name, s.server().name];
    for (const name of [owned, held, free]) {
      const server = s.room.servers.get(s.zone)?.find((one) => one.name === name);
      if (server !== undefined) await s.enrol(server);
    }
    await Promise.all([owned, held, free].map((name) => s.phase(name, "Ready")));
    await s.edit(owned, { deploy: { imageRef: { name: s.room.image.name } } });
    const at = { namespace: tenant, name: held };
    await claim(s, at, held);
    await s.phase(owned, "Deployed");
    await untilClaim(s, at, "Ready", isReady);
    const used = [owned, held];
    const before = await deeds(s, used);
    const backup = await backUp(s, [owned, held, free], [held]);

    await loseAndRestore(s, backup, withStatus);

    await s.until(owned, "Deployed", (one) => one.status?.phase === "Deployed" && !stallOf(one));
    await s.stalled(held, "ClaimLost");
    await s.poke(owned);
    await s.poke(held);
    expect(await deeds(s, used)).toEqual(before);

    const spec = { adoptBound: true };
    await s.client.mergePatch(KINDS.machineClaim, at, { spec }, {}, s.signal);
    await untilClaim(s, at, "Ready", isReady);
    await s.until(held, "Deployed", (one) => one.status?.phase === "Deployed" && !stallOf(one));
    expect(await deeds(s, used)).toEqual(before);
    await s.phase(free, "Ready");
    expect((await s.seen(free)).counters).toMatchObject({ erases: 0, diskWrites: 0 });
  });
});
