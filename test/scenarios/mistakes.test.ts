/** What people do by mistake, each counted at the simulator: nothing is erased that nobody ordered. */
import { beforeAll, describe, expect, it } from "vitest";
import { API_VERSION, KINDS } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import type { MachinePool } from "#api/machine-pool.ts";
import { systemClock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import type { MachineConfig } from "#sim/fleet.ts";
import { createNamespace, uniqueName, useCluster, useNamespace } from "#test/cluster/harness.ts";
import { kubectl } from "#test/cluster/kubectl.ts";
import { bmcSecret, NAMESPACE } from "../../tools/room/manifests.ts";
import { applyManifest } from "../../tools/room/objects.ts";
import { BMC_ACCOUNT } from "../../tools/room/room.ts";
import { admit, claim, deleteByForce, isReady, untilClaim } from "./claims.ts";
import { resetsOf, type Scene, useScene } from "./scene.ts";

const tenant = useNamespace("mistaken");
const guarded = uniqueName("guarded");
const scene = useScene({ zone: "mistakes", machines: 10, speed: 200 });

beforeAll(() => admit(scene(), tenant, guarded));

/** What was done to servers so far, by anybody. */
async function deeds(s: Scene, ...servers: readonly MachineConfig[]) {
  const views = await Promise.all(servers.map(({ name }) => s.seen(name)));
  return views.map((view) => ({
    resets: resetsOf(view),
    power: view.power,
    writes: view.counters.diskWrites,
    erases: view.counters.erases,
  }));
}

/** A machine that runs what a claim of the tenant asks for. */
async function claimed(s: Scene, namespace = tenant): Promise<MachineConfig> {
  const server = s.server();
  await s.enrol(server);
  await s.phase(server.name, "Ready");
  const at = { namespace, name: server.name };
  await claim(s, at, server.name);
  await untilClaim(s, at, "Ready", isReady);
  return server;
}

/** Looks every tenth of a second, for a minute or so. */
async function until(s: Scene, what: string, holds: () => unknown): Promise<void> {
  for (let round = 0; round < 600; round++) {
    if (await holds()) return;
    await systemClock.sleep(seconds(0.1), s.signal);
  }
  throw new Error(`not within a minute: ${what}`);
}

const run = (s: Scene, ...args: string[]): Promise<string> => kubectl(useCluster(), args, s.signal);

/**
 * The garbage collector looks for new kinds every 30 s. Before that it takes an orphan's owner for
 * lost: on a control plane that has just begun, the orphans would go with it.
 */
async function untilCollectorKnows(s: Scene): Promise<void> {
  const kinds = { apiVersion: API_VERSION, kind: "MachinePool" };
  const template = { spec: { selector: { matchLabels: { role: "collected" } } } };
  const metadata = { name: "collected", namespace: tenant };
  const ownerReferences = [
    { ...kinds, name: "nobody", uid: "00000000-0000-4000-8000-000000000000" },
  ];
  const orphan = { ...kinds, kind: "MachineClaim", metadata: { ...metadata, ownerReferences } };
  const owner = { ...kinds, metadata, spec: { replicas: 0, template } };
  await applyManifest(useCluster(), { ...orphan, spec: template.spec }, s.signal);
  await applyManifest(useCluster(), owner, s.signal);
  await run(s, "-n", tenant, "wait", "--for=delete", "mclaim/collected", "--timeout=90s");
  await run(s, "-n", tenant, "delete", "mpool", "collected", "--cascade=foreground");
}

describe.concurrent("a claim that is deleted by force, without its finalizer", () => {
  it("orders nothing: its machine is ClaimLost until another claim adopts it", async () => {
    const s = scene();
    const server = await claimed(s);
    const { name } = server;
    const before = await deeds(s, server);

    await deleteByForce(s, { namespace: tenant, name });
    expect(await s.stalled(name, "ClaimLost")).toMatch(/Adopt it by a claim/);
    await s.poke(name);
    expect(await deeds(s, server)).toEqual(before);

    const heir = { namespace: tenant, name: `${name}-heir` };
    await claim(s, heir, name, { adoptBound: true });
    await untilClaim(s, heir, "Ready", isReady);
    await s.until(name, "Deployed", isWell);
    expect(await deeds(s, server)).toEqual(before);
  });

  it("orders nothing until a person says release", async () => {
    const s = scene();
    const server = await claimed(s);
    const { name } = server;
    await deleteByForce(s, { namespace: tenant, name });
    await s.stalled(name, "ClaimLost");
    expect(s.history.made(name, "Erase")).toBe(0);

    await s.edit(name, { nonces: { release: "said" } });
    await s.phase(name, "Ready");
    expect(s.history.granted(name, "Erase")).toBe(1);
  });
});

describe.concurrent("the namespace of a tenant", () => {
  it("cannot be deleted while it is protected, and its machines run on", async () => {
    const s = scene();
    await createNamespace(useCluster(), guarded);
    const label = "steelyard.dev/protected=true";
    await run(s, "label", "namespace", guarded, label);
    const server = await claimed(s, guarded);
    const before = await deeds(s, server);

    await expect(run(s, "delete", "namespace", guarded, "--wait=false")).rejects.toThrow(
      /protected/,
    );
    await s.poke(server.name);
    expect(s.get(server.name)?.status?.phase).toBe("Deployed");
    expect(await deeds(s, server)).toEqual(before);
    await deleteByForce(s, { namespace: guarded, name: server.name });
    await run(s, "label", "namespace", guarded, "steelyard.dev/protected-");
    await run(s, "delete", "namespace", guarded, "--wait=false");
  });
});

describe.concurrent("the namespace of machines, deleted while they are in use", () => {
  it("keeps those, erases none, and lets go of them once they are paused, Secrets or not", async () => {
    const s = scene();
    const namespace = uniqueName("doomed");
    await createNamespace(useCluster(), namespace);
    await s.room.installed.admitOperator(namespace, s.signal);
    const secret = bmcSecret(BMC_ACCOUNT);
    const there = { metadata: { name: secret.metadata.name, namespace } };
    await applyManifest(useCluster(), { ...secret, ...there }, s.signal);
    const server = s.server();
    const { name } = server;
    const deploy = { imageRef: { name: s.room.image.name } };
    const manifest = { ...s.manifest(server, { deploy }), metadata: { name, namespace } };
    await applyManifest(useCluster(), manifest, s.signal);
    const at = { namespace, name };
    const seen = (): Machine | undefined => s.machines.get(`${namespace}/${name}`);
    await until(s, "Deployed", () => seen()?.status?.phase === "Deployed");
    const before = await deeds(s, server);

    await run(s, "delete", "namespace", namespace, "--wait=false");
    const secrets = ["-n", namespace, "get", "secret", "-o", "name"];
    await until(s, "without its Secrets", async () => (await run(s, ...secrets)) === "");
    expect(seen()?.metadata.deletionTimestamp).toBeUndefined();

    await s.client.mergePatch(KINDS.machine, at, { spec: { paused: true } }, {}, s.signal);
    await run(s, "-n", namespace, "delete", "machine", name, "--ignore-not-found");
    await run(s, "wait", "--for=delete", `namespace/${namespace}`, "--timeout=60s");
    expect(await deeds(s, server)).toEqual(before);
  });
});

describe.concurrent("--cascade=orphan", () => {
  it("of a Machine forgets it alone; made anew it is not touched until a person adopts it", async () => {
    const s = scene();
    const server = s.server();
    const { name } = server;
    await s.deployed(server);
    const before = await deeds(s, server);
    await expect(
      run(s, "-n", NAMESPACE, "delete", "machine", name, "--cascade=orphan"),
    ).rejects.toThrow(/paused/);

    await s.edit(name, { paused: true });
    await run(s, "-n", NAMESPACE, "delete", "machine", name, "--cascade=orphan");
    await s.gone(name);
    await s.enrol(server, { deploy: { imageRef: { name: s.room.image.name } } });
    await s.stalled(name, "AdoptionRequired");
    await s.edit(name, { adoption: "Adopt" });
    expect(await deeds(s, server)).toEqual(before);
    expect(s.history.made(name, "Erase")).toBe(0);
  });

  it("of a MachinePool leaves its claims, which the pool takes again when it is made anew", async () => {
    const s = scene();
    const server = s.server();
    const plain = s.manifest(server);
    const labels = { role: "orphaned" };
    await s.apply({ ...plain, metadata: { ...plain.metadata, ...{ labels } } });
    await s.phase(server.name, "Ready");
    const name = "orphaned";
    const selector = { matchLabels: labels };
    const deploy = { imageRef: { name: s.room.image.name } };
    const pool = {
      ...{ apiVersion: API_VERSION, kind: "MachinePool", metadata: { name, namespace: tenant } },
      spec: { replicas: 1, template: { spec: { selector, deploy } } },
    };
    const readyReplicas = async (): Promise<number | undefined> => {
      const at = { namespace: tenant, name };
      const now = await s.client.get<MachinePool>(KINDS.machinePool, at, s.signal);
      return now?.status?.readyReplicas;
    };
    await applyManifest(useCluster(), pool, s.signal);
    await until(s, "served", async () => (await readyReplicas()) === 1);
    await untilCollectorKnows(s);
    const before = await deeds(s, server);
    const held = s.get(server.name)?.status?.claimRef;

    await run(s, "-n", tenant, "delete", "mpool", name, "--cascade=orphan");
    await s.poke(server.name);
    await applyManifest(useCluster(), pool, s.signal);
    await until(s, "served", async () => (await readyReplicas()) === 1);
    expect(s.get(server.name)?.status?.claimRef).toEqual(held);
    expect(await deeds(s, server)).toEqual(before);
  });
});

const isWell = ({ status }: Machine): boolean =>
  status?.phase === "Deployed" &&
  status.conditions?.find(({ type }) => type === "Ready")?.status === "True";
