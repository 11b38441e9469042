/** A pool of real (simulated) machines, as a person with kubectl sees it. */
import { beforeAll, describe, expect, it } from "vitest";
import { API_VERSION, KINDS, POOL_LABEL } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { MachinePool } from "#api/machine-pool.ts";
import { systemClock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { findCondition, isTrue } from "#kube/conditions.ts";
import { useCluster, useNamespace } from "#test/cluster/harness.ts";
import { kubectl } from "#test/cluster/kubectl.ts";
import { osImage } from "../../tools/room/manifests.ts";
import { applyManifest } from "../../tools/room/objects.ts";
import { type Scene, useScene } from "./scene.ts";

const namespace = useNamespace("pools");
const scene = useScene({
  zone: "pools",
  machines: 4,
  speed: 200,
  operatorArgs: ["--lease-seconds", "3", "--renew-seconds", "2", "--retry-seconds", "0.5"],
});
const NEXT = "debian-next";
const ROUNDS = 900;

beforeAll(async () => {
  const s = scene();
  const claimNamespaces = { names: [namespace] };
  await s.client.mergePatch(
    KINDS.zone,
    { name: s.zone },
    { spec: { claimNamespaces } },
    {},
    s.signal,
  );
  await s.apply(osImage(s.room.images.add(NEXT)));
  const servers = Array.from({ length: 4 }, () => s.server());
  await Promise.all(servers.map((server) => s.enrol(server)));
  await Promise.all(servers.map(({ name }) => s.phase(name, "Ready")));
});

const run = (s: Scene, ...args: string[]): Promise<string> =>
  kubectl(useCluster(), ["--namespace", namespace, ...args], s.signal);

async function makePool(s: Scene, name: string, spec: object = {}): Promise<void> {
  const template = { spec: { deploy: { imageRef: { name: s.room.image.name } } } };
  const metadata = { name, namespace };
  const all = { replicas: 0, template, ...spec };
  await applyManifest(
    useCluster(),
    { apiVersion: API_VERSION, kind: "MachinePool", metadata, spec: all },
    s.signal,
  );
}

const poolOf = async (s: Scene, name: string): Promise<MachinePool | null> =>
  s.client.get<MachinePool>(KINDS.machinePool, { namespace, name }, s.signal);

async function claimsOf(s: Scene, pool: string): Promise<readonly MachineClaim[]> {
  const options = { namespace, labelSelector: `${POOL_LABEL}=${pool}` };
  return (await s.client.list<MachineClaim>(KINDS.machineClaim, options, s.signal)).items;
}

/** Machines that a claim of the namespace holds. */
const held = (s: Scene): readonly Machine[] =>
  [...s.machines.list()].filter(({ status }) => status?.claimRef?.namespace === namespace);

/** Looks until it holds, and says how the pool stood if it never does. */
async function until(
  s: Scene,
  pool: string,
  holds: (pool: MachinePool | null) => unknown,
): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    if (await holds(await poolOf(s, pool))) return;
    await systemClock.sleep(seconds(0.1), s.signal);
  }
  const claims = (await claimsOf(s, pool)).map(({ metadata, status }) => [
    metadata.name,
    findCondition(status?.conditions, "Ready"),
  ]);
  const stands = JSON.stringify({ status: (await poolOf(s, pool))?.status, claims });
  throw new Error(`not within a while: ${stands}`);
}

/** All of `replicas` run, and the pool has seen it. */
const runs =
  (replicas: number) =>
  (pool: MachinePool | null): boolean =>
    pool?.status?.observedGeneration === pool?.metadata.generation &&
    pool?.status?.readyReplicas === replicas &&
    isTrue(pool.status.conditions, "Ready");

/** As `kubectl delete`: until its claims are gone, and their machines free again. */
async function remove(s: Scene, pool: string): Promise<void> {
  await run(s, "delete", "mpool", pool, "--wait=false");
  await until(s, pool, async (one) => one === null && (await claimsOf(s, pool)).length === 0);
  expect(held(s)).toEqual([]);
}

describe("a pool of machines", () => {
  it("is scaled by kubectl from none to three, and to one, which gives two back erased", async () => {
    const s = scene();
    await makePool(s, "web");
    await until(s, "web", runs(0));
    await run(s, "scale", "mpool/web", "--replicas=3");
    await until(s, "web", runs(3));
    await until(s, "web", (pool) => pool?.status?.free === 1);
    expect(held(s).map(({ status }) => status?.image)).toEqual(Array(3).fill(s.room.image.name));
    const before = (await claimsOf(s, "web")).map(({ metadata }) => metadata.uid);

    await run(s, "scale", "mpool/web", "--replicas=1");
    await until(s, "web", async (pool) => runs(1)(pool) && (await claimsOf(s, "web")).length === 1);
    const [last] = await claimsOf(s, "web");
    expect(before).toContain(last?.metadata.uid);
    const erased = [...s.machines.list()].filter(({ status }) => status?.lastErase !== undefined);
    expect(erased).toHaveLength(2);
    expect(held(s)).toHaveLength(1);
    await remove(s, "web");
  });

  it("has a scale that an autoscaler can read, also where nobody wrote its replicas", async () => {
    const s = scene();
    await makePool(s, "left", { replicas: undefined, maxReplicas: 2 });
    await until(s, "left", (pool) => pool?.spec.replicas === 0 && runs(0)(pool));
    const path = `/apis/${API_VERSION}/namespaces/${namespace}/machinepools/left/scale`;
    expect(JSON.parse(await run(s, "get", "--raw", path))).toMatchObject({
      kind: "Scale", // whose spec says no 0
      status: { replicas: 0, selector: `${POOL_LABEL}=left` },
    });
    await remove(s, "left");
  });

  it("gets another image machine by machine, and never has two that are not ready", async () => {
    const s = scene();
    await makePool(s, "rolled", { replicas: 3 });
    await until(s, "rolled", runs(3));
    let least = 3;
    const watch = (pool: MachinePool | null): void => {
      least = Math.min(least, pool?.status?.readyReplicas ?? 0);
    };
    const template = { spec: { deploy: { imageRef: { name: NEXT } } } };
    await run(
      s,
      "patch",
      "mpool",
      "rolled",
      "--type=merge",
      "-p",
      JSON.stringify({ spec: { template } }),
    );
    await until(s, "rolled", (pool) => {
      watch(pool);
      return runs(3)(pool) && pool?.status?.updatedReplicas === 3;
    });
    expect(least).toBe(2);
    expect(held(s).filter(({ status }) => status?.image === NEXT)).toHaveLength(3);
    await remove(s, "rolled");
  });

  it("gets another image on the same machines, where the strategy is Reinstall", async () => {
    const s = scene();
    const strategy = { type: "Reinstall", maxUnavailable: "50%" };
    await makePool(s, "anew", { replicas: 2, strategy });
    await until(s, "anew", runs(2));
    const machines = held(s)
      .map(({ metadata }) => metadata.name)
      .toSorted();
    const template = { spec: { deploy: { imageRef: { name: NEXT } } } };
    await run(
      s,
      "patch",
      "mpool",
      "anew",
      "--type=merge",
      "-p",
      JSON.stringify({ spec: { template } }),
    );
    let least = 2;
    await until(s, "anew", (pool) => {
      least = Math.min(least, pool?.status?.readyReplicas ?? 0);
      return runs(2)(pool) && pool?.status?.updatedReplicas === 2;
    });
    expect(least).toBe(1);
    expect(
      held(s)
        .map(({ metadata }) => metadata.name)
        .toSorted(),
    ).toEqual(machines);
    expect(held(s).map(({ status }) => status?.image)).toEqual([NEXT, NEXT]);
    await remove(s, "anew");
  });

  it("gets no claim too many, and loses none, when the operator is killed as it scales", async () => {
    const s = scene();
    await makePool(s, "killed");
    const seen = new Map<string, MachineClaim>();
    const kill = async (when: () => boolean): Promise<void> => {
      const { operator } = s.room;
      while (!when()) {
        for (const claim of await claimsOf(s, "killed")) seen.set(claim.metadata.uid, claim);
      }
      operator.kill("SIGKILL");
      await operator.ended;
      s.room.startOperator();
    };
    const going = () => [...seen.values()].filter(({ metadata }) => metadata.deletionTimestamp);

    await run(s, "scale", "mpool/killed", "--replicas=3");
    await kill(() => seen.size > 0);
    await until(s, "killed", runs(3));
    for (const claim of await claimsOf(s, "killed")) seen.set(claim.metadata.uid, claim);
    expect(seen.size).toBe(3);

    await run(s, "scale", "mpool/killed", "--replicas=1");
    await kill(() => going().length > 0);
    await until(
      s,
      "killed",
      async (pool) => runs(1)(pool) && (await claimsOf(s, "killed")).length === 1,
    );
    for (const claim of await claimsOf(s, "killed")) seen.set(claim.metadata.uid, claim);
    expect(seen.size).toBe(3);
    await remove(s, "killed");
  });

  it("that is deleted with --cascade=orphan leaves its machines alone, and the next one takes them over", async () => {
    const s = scene();
    await makePool(s, "heir", { replicas: 2 });
    await until(s, "heir", runs(2));
    const uids = async () =>
      (await claimsOf(s, "heir")).map(({ metadata }) => metadata.uid).toSorted();
    const before = await uids();
    const erases = [...s.tasks.list()].filter(({ spec }) => spec.type === "Erase").length;

    await run(s, "delete", "mpool", "heir", "--cascade=orphan");
    await makePool(s, "heir", { replicas: 2 });
    await until(s, "heir", runs(2));

    expect(await uids()).toEqual(before);
    const owners = (await claimsOf(s, "heir")).map(
      ({ metadata }) => metadata.ownerReferences?.[0]?.uid,
    );
    const { uid } = (await poolOf(s, "heir"))?.metadata ?? {};
    expect(owners).toEqual([uid, uid]);
    expect([...s.tasks.list()].filter(({ spec }) => spec.type === "Erase")).toHaveLength(erases);
    await remove(s, "heir");
  });
});
