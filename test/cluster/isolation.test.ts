/**
 * What one party may do to another, tried with the tokens that their pods and people have: two zones'
 * racks, two tenants, whoever writes statuses without being the operator.
 */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { CORE, KINDS, USER_DATA_TYPE, zoneNamespace } from "#api/group.ts";
import type { ObjectRef } from "#base/object.ts";
import { OPERATOR_ACCOUNT, RACK_ACCOUNT } from "#controllers/zone/furnish.ts";
import { serviceAccountToken } from "../../tools/cluster/service-account.ts";
import { Caller, messageOf } from "./caller.ts";
import { SMALLEST } from "./crd-rules.ts";
import { uniqueName, useCluster, useNamespace } from "./harness.ts";
import { install } from "./install.ts";
import { furnish } from "./zones.ts";

const cluster = useCluster();
const admin = new Caller(cluster);
const hardware = useNamespace("hardware");
const [teamA, teamB] = [useNamespace("team-a"), useNamespace("team-b")];
const [zoneA, zoneB] = [uniqueName("zone-a"), uniqueName("zone-b")];
const machine: ObjectRef = { namespace: hardware, name: "m1" };
const taskA: ObjectRef = { namespace: hardware, name: "task-a" };
const taskB: ObjectRef = { namespace: hardware, name: "task-b" };
const soon = (): AbortSignal => AbortSignal.timeout(60_000);
const state = { operator: admin, rackA: admin, tenantA: admin, reporter: admin };

const RBAC = { group: "rbac.authorization.k8s.io", version: "v1" };
const ROLE_BINDING = { ...RBAC, kind: "RoleBinding", plural: "rolebindings", namespaced: true };
const ROLE = { ...RBAC, kind: "Role", plural: "roles", namespaced: true };
const CLUSTER_ROLE = { ...RBAC, kind: "ClusterRole", plural: "clusterroles", namespaced: false };
const CLUSTER_ROLE_BINDING = {
  ...{ ...RBAC, kind: "ClusterRoleBinding", plural: "clusterrolebindings", namespaced: false },
};

beforeAll(async () => {
  await using installed = await install(cluster, soon());
  for (const zone of [zoneA, zoneB])
    await furnish(cluster, zone, installed.operatorKubeconfig, soon());
  for (const [at, zone] of [
    [taskA, zoneA],
    [taskB, zoneB],
  ] as const) {
    const spec = { ...SMALLEST.machineTask, zone };
    await made(admin.create(KINDS.machineTask, at, { spec }));
  }
  await made(admin.create(KINDS.machine, machine, { spec: SMALLEST.machine }));
  const bmc = { type: "kubernetes.io/basic-auth", stringData: { username: "u", password: "p" } };
  await made(admin.create(CORE.secret, { namespace: hardware, name: "bmc" }, bmc));
  for (const namespace of [teamA, teamB]) {
    await made(admin.create(KINDS.machineClaim, { namespace, name: "web" }, { spec: {} }));
  }
  state.operator = admin.as(tokenIn(await readFile(installed.operatorKubeconfig, "utf8")));
  state.rackA = admin.as(
    await serviceAccountToken(cluster, zoneNamespace(zoneA), RACK_ACCOUNT, soon()),
  );
  state.tenantA = admin.as(await person(teamA, "tenant", { kind: "ClusterRole", name: "edit" }));
  const rules = [
    { apiGroups: ["steelyard.dev"], resources: ["machines/status"], verbs: ["patch"] },
  ];
  await made(admin.create(ROLE, { namespace: hardware, name: "reporter" }, { rules }));
  state.reporter = admin.as(await person(hardware, "reporter", { kind: "Role", name: "reporter" }));
});

async function made(answer: ReturnType<Caller["create"]>): Promise<void> {
  const { status, body } = await answer;
  expect(status, body).toBe(201);
}

const tokenIn = (kubeconfig: string): string => /token: (\S+)/.exec(kubeconfig)?.[1] ?? "";

/** A ServiceAccount with the role in its namespace; resolves to its token. */
async function person(namespace: string, name: string, role: object): Promise<string> {
  await made(admin.create(CORE.serviceAccount, { namespace, name }, {}));
  const roleRef = { apiGroup: RBAC.group, ...role };
  const subjects = [{ kind: "ServiceAccount", name, namespace }];
  await made(admin.create(ROLE_BINDING, { namespace, name }, { roleRef, subjects }));
  return serviceAccountToken(cluster, namespace, name, soon());
}

/** RBAC and policies are heard of a moment later. */
const untilAllowed = (ask: () => ReturnType<Caller["get"]>, status = 200) =>
  expect.poll(async () => (await ask()).status, { timeout: 30_000 }).toBe(status);

async function refused(ask: ReturnType<Caller["get"]>, says = "forbidden"): Promise<void> {
  const answer = await ask;
  expect(answer.status, answer.body).toBe(403);
  expect(messageOf(answer)).toContain(says);
}

describe("the rack of a zone", () => {
  const keys = (zone: string): ObjectRef => ({
    namespace: zoneNamespace(zone),
    name: "steelyard-zone-keys",
  });

  it("reads the Secrets of its zone by name, and no other's", async () => {
    await untilAllowed(() => state.rackA.get(CORE.secret, keys(zoneA)));
    await refused(state.rackA.get(CORE.secret, keys(zoneB)));
    await refused(state.rackA.get(CORE.secret, { namespace: hardware, name: "bmc" }));
    await refused(state.rackA.get(CORE.secret, { namespace: zoneNamespace(zoneA) }));
    await refused(state.rackA.get(CORE.secret, {}));
  });

  it("writes the tasks of its zone, and no other's", async () => {
    const logTail = { logTail: "booting" };
    await untilAllowed(() => state.rackA.patchStatus(KINDS.machineTask, taskA, logTail));
    const told = `it is of the Zone ${zoneB}, and only its racks and the operator write for that`;
    await refused(state.rackA.patchStatus(KINDS.machineTask, taskB, logTail), told);
    await refused(
      state.rackA.patch(KINDS.machineTask, taskA, { metadata: { labels: { a: "b" } } }),
    );
    await refused(state.rackA.delete(KINDS.machineTask, taskA));
    await refused(
      state.rackA.create(
        KINDS.machineTask,
        { ...taskA, name: "mine" },
        { spec: SMALLEST.machineTask },
      ),
    );
  });

  it("cannot cancel a task: the operator alone ends one from outside", async () => {
    const ended = { state: "Canceled" };
    await refused(
      state.rackA.patchStatus(KINDS.machineTask, taskA, ended),
      "Expired and Canceled are written by the operator alone",
    );
    await untilAllowed(() => state.operator.patchStatus(KINDS.machineTask, taskB, ended));
  });

  it("writes no Machine, nor who holds it", async () => {
    await refused(state.rackA.patch(KINDS.machine, machine, { spec: { paused: true } }));
    await refused(state.rackA.patchStatus(KINDS.machine, machine, { power: "Off" }));
    await refused(state.rackA.delete(KINDS.machine, machine));
  });

  it("shows itself as a Rack of its zone, and of no other", async () => {
    const [own, foreign] = [{ name: uniqueName("rack") }, { name: uniqueName("rack") }];
    const make = (at: ObjectRef, zone: string) =>
      state.rackA.create(KINDS.rack, at, { spec: { zone } });
    await refused(make(foreign, zoneB), `it is of the Zone ${zoneB}`);
    expect((await make(own, zoneA)).status).toBe(201);
    await made(admin.create(KINDS.rack, foreign, { spec: { zone: zoneB } }));
    const status = { node: "n1" };
    expect((await state.rackA.patchStatus(KINDS.rack, own, status)).status).toBe(200);
    await refused(state.rackA.patchStatus(KINDS.rack, foreign, status), `the Zone ${zoneB}`);
    for (const at of [own, foreign]) await admin.delete(KINDS.rack, at);
  });

  it("writes inventories of its zone's machines, and no other's", async () => {
    const write = (name: string, zone: string) =>
      state.rackA.create(
        KINDS.machineInventory,
        { namespace: hardware, name },
        { spec: { ...SMALLEST.machineInventory, zone } },
      );
    await made(write("of-a", zoneA));
    await refused(write("of-b", zoneB), `it is of the Zone ${zoneB}`);

    const theirs = { namespace: hardware, name: "of-b" };
    const spec = { ...SMALLEST.machineInventory, zone: zoneB };
    await made(admin.create(KINDS.machineInventory, theirs, { spec }));
    const found = JSON.parse((await admin.get(KINDS.machineInventory, theirs)).body) as object;
    const stolen = { ...found, spec: { ...spec, zone: zoneA } };
    await refused(
      state.rackA.replace(KINDS.machineInventory, theirs, stolen),
      `it was of the Zone ${zoneB}`,
    );
  });

  it("sees no claim of any tenant", async () => {
    await refused(state.rackA.get(KINDS.machineClaim, { namespace: teamA, name: "web" }));
  });
});

describe("who holds a machine", () => {
  const claimRef = { namespace: teamA, name: "web", uid: "1" };

  it("is written with the verb bind alone, whatever else of the status one may write", async () => {
    const { reporter, operator } = state;
    await untilAllowed(() => reporter.patchStatus(KINDS.machine, machine, { power: "On" }));
    const told = "status.claimRef is written by the operator alone";
    await refused(reporter.patchStatus(KINDS.machine, machine, { claimRef }), told);

    await untilAllowed(() => operator.patchStatus(KINDS.machine, machine, { claimRef }));
    await refused(reporter.patchStatus(KINDS.machine, machine, { claimRef: null }), told);
    await refused(
      reporter.patchStatus(KINDS.machine, machine, { epoch: 1, claimRef: { uid: "2" } }),
      told,
    );
    expect((await reporter.patchStatus(KINDS.machine, machine, { power: "Off" })).status).toBe(200);
    const released = await operator.patchStatus(KINDS.machine, machine, { claimRef: null });
    expect(released.status, released.body).toBe(200);
  });
});

describe("a tenant", () => {
  const own: ObjectRef = { namespace: teamA, name: "web" };

  it("sees and makes claims and pools of his namespace, and no other's", async () => {
    const { tenantA } = state;
    await untilAllowed(() => tenantA.get(KINDS.machineClaim, own));
    const mine = { namespace: teamA, name: "mine" };
    expect((await tenantA.create(KINDS.machineClaim, mine, { spec: {} })).status).toBe(201);
    const pool = { spec: SMALLEST.machinePool };
    expect((await tenantA.create(KINDS.machinePool, mine, pool)).status).toBe(201);
    expect((await tenantA.delete(KINDS.machineClaim, mine)).status).toBe(200);

    const foreign = { namespace: teamB, name: "web" };
    await refused(tenantA.get(KINDS.machineClaim, foreign));
    await refused(tenantA.get(KINDS.machineClaim, {}));
    await refused(tenantA.delete(KINDS.machineClaim, foreign));
    await refused(tenantA.create(KINDS.machineClaim, { ...foreign, name: "mine" }, { spec: {} }));
  });

  it("sees neither Machines nor their BMCs' Secrets, and no zone's Secrets", async () => {
    const { tenantA } = state;
    await refused(tenantA.get(KINDS.machine, machine));
    await refused(tenantA.get(CORE.secret, { namespace: hardware, name: "bmc" }));
    await refused(tenantA.get(CORE.secret, { namespace: zoneNamespace(zoneA) }));
    await refused(tenantA.get(KINDS.machineTask, taskA));
  });

  it("cannot bind his claim by himself", async () => {
    const { tenantA } = state;
    const machineRef = { ...machine, uid: "1", zone: zoneA };
    await refused(tenantA.patchStatus(KINDS.machineClaim, own, { machineRef }));
    await refused(tenantA.patchStatus(KINDS.machine, machine, { claimRef: own }));
  });

  it("cannot take over what another tenant's lost claim held", async () => {
    const spec = { machineRef: machine, adoptBound: true };
    const at = { namespace: teamA, name: "thief" };
    const told = "needs the verb `adopt` on it: ask whoever runs the hardware";
    await refused(state.tenantA.create(KINDS.machineClaim, at, { spec }), told);
    await refused(state.tenantA.patch(KINDS.machineClaim, own, { spec }), told);
    await made(admin.create(KINDS.machineClaim, at, { spec })); // who runs the hardware may
    const labels = { metadata: { labels: { team: "a" } } };
    expect((await state.tenantA.patch(KINDS.machineClaim, at, labels)).status).toBe(200);
    await refused(
      state.tenantA.patch(KINDS.machineClaim, at, { spec: { machineRef: { name: "m2" } } }),
      told,
    );
  });

  it("names user data of his own namespace alone: there is no field for another", async () => {
    const at = { namespace: teamA, name: "elsewhere" };
    const userDataSecretRef = { name: "bmc", namespace: hardware };
    const spec = { deploy: { imageRef: { name: "os" }, userDataSecretRef } };
    const answer = await state.tenantA.create(KINDS.machineClaim, at, { spec });
    expect(answer.status, answer.body).toBe(201);
    const kept = JSON.parse(answer.body) as { spec: { deploy: { userDataSecretRef: object } } };
    expect(kept.spec.deploy.userDataSecretRef).toEqual({ name: "bmc" });
  });

  it("cannot turn a Secret into user data that was made for something else", async () => {
    const at = { namespace: teamA, name: "token" };
    await made(state.tenantA.create(CORE.secret, at, { type: "Opaque", stringData: { a: "b" } }));
    const answer = await state.tenantA.patch(CORE.secret, at, { type: USER_DATA_TYPE });
    expect(answer.status).toBe(422);
    expect(messageOf(answer)).toContain("field is immutable");
  });
});

describe("the operator", () => {
  it("reads a tenant's Secrets only where he lets it", async () => {
    const at = { namespace: teamB, name: "user-data" };
    const secret = { type: USER_DATA_TYPE, stringData: { userData: "#cloud-config" } };
    await made(admin.create(CORE.secret, at, secret));
    await refused(state.operator.get(CORE.secret, at));
    const name = "steelyard-operator-secrets";
    const roleRef = { apiGroup: RBAC.group, kind: "ClusterRole", name };
    const account = { name: "steelyard-operator", namespace: "steelyard-system" };
    const subjects = [{ kind: "ServiceAccount", ...account }];
    await made(admin.create(ROLE_BINDING, { namespace: teamB, name }, { roleRef, subjects }));
    await untilAllowed(() => state.operator.get(CORE.secret, at));
    await refused(state.operator.get(CORE.secret, { namespace: teamB }));
  });

  const roleRef = (name: string) => ({ apiGroup: RBAC.group, kind: "ClusterRole", name });
  const toItself = {
    roleRef: roleRef("steelyard-operator-zone"),
    subjects: [{ kind: "ServiceAccount", ...OPERATOR_ACCOUNT }],
  };
  const labels = { metadata: { labels: { "pod-security.kubernetes.io/enforce": "privileged" } } };

  it("makes accounts and bindings in zones' namespaces, and gives itself no other's Secrets", async () => {
    const { operator } = state;
    const name = uniqueName("mine");
    for (const namespace of [zoneNamespace(zoneA), zoneNamespace(zoneB)]) {
      await made(operator.create(CORE.serviceAccount, { namespace, name }, {}));
      await made(operator.create(ROLE_BINDING, { namespace, name }, toItself));
    }
    for (const namespace of ["kube-system", hardware, teamA]) {
      const told = `namespaces named steelyard-zone-<zone>, and ServiceAccounts and RoleBindings in them, and ${namespace} is none`;
      await refused(operator.create(ROLE_BINDING, { namespace, name }, toItself), told);
      await refused(operator.create(CORE.serviceAccount, { namespace, name }, {}), told);
      await refused(operator.get(CORE.secret, { namespace, name: "any" }));
    }
  });

  it("changes zones' namespaces, and makes or labels no other", async () => {
    const { operator } = state;
    const zones = { name: zoneNamespace(zoneA) };
    expect((await operator.patch(CORE.namespace, zones, labels)).status).toBe(200);
    for (const name of ["kube-system", teamA]) {
      await refused(operator.patch(CORE.namespace, { name }, labels), `${name} is none`);
    }
    const name = uniqueName("mine");
    await refused(operator.create(CORE.namespace, { name }, {}), `${name} is none`);
  });

  it("makes cluster-wide roles and bindings of zones' names, and gives itself nothing by them", async () => {
    const { operator } = state;
    const onlyServe = "ClusterRoles named steelyard-serve-<zone> alone";
    const role = {
      rules: [{ apiGroups: ["steelyard.dev"], resources: ["zones"], verbs: ["serve"] }],
    };
    await refused(operator.create(CLUSTER_ROLE, { name: uniqueName("mine") }, role), onlyServe);
    await refused(operator.patch(CLUSTER_ROLE, { name: "steelyard-rack" }, role), onlyServe);

    const onlyZones = "ClusterRoleBindings named steelyard-serve-<zone>, of the role of that name";
    const bind = (name: string, body: object) =>
      refused(operator.create(CLUSTER_ROLE_BINDING, { name }, body), onlyZones);
    await bind("steelyard-rack-mine", toItself);
    await bind("steelyard-serve-mine", toItself);
    await bind(uniqueName("mine"), { ...toItself, roleRef: roleRef("steelyard-rack") });
  });
});
