import { describe, expect, it } from "vitest";
import { CORE, KINDS, ZONE_KEYS_SECRET, zoneNamespace } from "#api/group.ts";
import type { Zone } from "#api/zone.ts";
import type { KubeObject, Resource } from "#base/object.ts";
import { FakeClock } from "#test/fakes/clock.ts";
import { FakeCluster } from "#test/fakes/cluster.ts";
import { furnisher, OPERATOR_ACCOUNT, REPAIR } from "./furnish.ts";

const soon = () => AbortSignal.timeout(5_000);
const RBAC = { group: "rbac.authorization.k8s.io", version: "v1", namespaced: false } as const;
const roles: Resource = { ...RBAC, kind: "ClusterRole", plural: "clusterroles" };
const bindings: Resource = { ...RBAC, kind: "ClusterRoleBinding", plural: "clusterrolebindings" };
const namespace = zoneNamespace("a");

/** A zone that was furnished just now. */
async function furnished() {
  const clock = new FakeClock();
  const cluster = new FakeCluster({ clock });
  await cluster.create(KINDS.zone, { metadata: { name: "a" }, spec: {} }, soon());
  const zone = await cluster.get<Zone>(KINDS.zone, { name: "a" }, soon());
  if (zone === null) throw new Error("there is no zone");
  let made = 0;
  const makeKeys = async () => {
    made++;
    return { hmacKey: `key ${made}`, caCert: "", tlsCert: "", tlsKey: "" };
  };
  const run = furnisher(cluster, makeKeys, OPERATOR_ACCOUNT, clock.monotonic);
  const furnish = () => run(zone, soon());
  await furnish();
  return { clock, cluster, zone, furnish, keysMade: () => made };
}

describe("a zone's furniture", () => {
  it.each([
    { what: "the racks' permissions", resource: CORE.roleBinding, name: "steelyard-rack-zone" },
    { what: "the operator's", resource: CORE.roleBinding, name: "steelyard-operator-zone" },
    { what: "the keys", resource: CORE.secret, name: ZONE_KEYS_SECRET },
  ])("is made again within minutes if somebody deletes $what", async ({ resource, name }) => {
    const { clock, cluster, furnish } = await furnished();
    const ref = { namespace, name };
    await cluster.delete(resource, ref, {}, soon());
    await furnish();
    expect(await cluster.get(resource, ref, soon())).toBeNull();
    await clock.advance(REPAIR);
    await furnish();
    expect(await cluster.get(resource, ref, soon())).not.toBeNull();
  });

  it("keeps its keys, which running agents believe in", async () => {
    const { clock, furnish, keysMade } = await furnished();
    await clock.advance(REPAIR);
    await furnish();
    expect(keysMade()).toBe(1);
  });

  it("is not looked at with each count of the racks", async () => {
    const { cluster, furnish } = await furnished();
    const before = cluster.writes.length;
    await furnish();
    expect(cluster.writes).toHaveLength(before);
  });

  it("is owned by its Zone where it is cluster-wide, so that it goes with it", async () => {
    const { cluster, zone } = await furnished();
    const all = await Promise.all(
      [roles, bindings].map((kind) => cluster.list<KubeObject>(kind, {}, soon())),
    );
    const found = all.flatMap(({ items }) => items).map(({ metadata }) => metadata);
    expect(found.map(({ name }) => name).sort()).toEqual([
      "steelyard-rack-a",
      "steelyard-serve-a",
      "steelyard-serve-a",
    ]);
    const { name, uid } = zone.metadata;
    const owner = { apiVersion: "steelyard.dev/v1alpha1", kind: "Zone", name, uid };
    for (const { ownerReferences } of found) expect(ownerReferences).toEqual([owner]);
  });
});
