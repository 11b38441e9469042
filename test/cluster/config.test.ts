import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KubeObject } from "#base/object.ts";
import { readKubeconfig } from "../../tools/cluster/kubeconfig.ts";
import { type ApiAccess, apiRequest } from "../../tools/cluster/request.ts";
import { serviceAccountToken } from "../../tools/cluster/service-account.ts";
import { type Attempt, may, sayAttempt } from "./access.ts";
import { createNamespace, useOwnCluster } from "./harness.ts";
import { type Installed, install, ROOT } from "./install.ts";
import { kubectl } from "./kubectl.ts";
import { furnish } from "./zones.ts";

const RBAC = "rbac.authorization.k8s.io";
const soon = (): AbortSignal => AbortSignal.timeout(60_000);

// A control plane of its own: the manifests name what is cluster-scoped.
const cluster = useOwnCluster({});
let folder: string;
let installed: Installed;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "steelyard-config-"));
  installed = await install(cluster(), soon());
  for (const name of ["hardware", "closed"]) await createNamespace(cluster(), name);
  await installed.admitOperator("hardware", soon());
  for (const zone of ["east", "west"]) {
    await furnish(cluster(), zone, installed.operatorKubeconfig, soon());
  }
});
afterAll(async () => {
  await installed?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function asOperator(): Promise<ApiAccess> {
  return readKubeconfig(installed.operatorKubeconfig, folder);
}

async function asRack(zone: string): Promise<ApiAccess> {
  return readKubeconfig(await installed.rackKubeconfig(zone, soon()), folder);
}

const secrets = { group: "", resource: "secrets" } as const;
const leases = { group: "coordination.k8s.io", resource: "leases" } as const;
const keys = "steelyard-zone-keys";

/** verbs × resources, of our group and in no namespace unless it is said. */
function each(verbs: string, resources: string, rest: Partial<Attempt> = {}): readonly Attempt[] {
  return resources
    .split(" ")
    .flatMap((resource) => verbs.split(" ").map((verb) => ({ verb, resource, ...rest })));
}

const withTitle = (attempts: readonly Attempt[]) =>
  attempts.map((attempt) => ({ title: sayAttempt(attempt), attempt }));

describe("the operator's account", () => {
  it.each(
    withTitle([
      ...each("list watch", "machines machinetasks zones osimages racks"),
      ...each("list watch", "machineclaims machinepools hardwareprofiles"),
      ...each("patch", "machines machines/status machinetasks/status zones/status osimages/status"),
      ...each("patch", "machineclaims machineclaims/status machinepools/status"),
      ...each("patch", "hardwareprofiles/status"),
      ...each("create delete", "machineclaims", { namespace: "hardware" }),
      ...each("get patch", "machinepools/scale", { namespace: "hardware" }),
      ...each("update", "machinepools/finalizers", { namespace: "hardware" }),
      ...each("bind", "machines", { namespace: "hardware" }),
      ...each("list watch", "namespaces", { group: "" }),
      { verb: "serve", resource: "zones" },
      ...each("create delete", "machinetasks", { namespace: "hardware" }),
      ...each("get", "machineinventories", { namespace: "hardware" }),
      ...each("create patch", "events", { group: "", namespace: "hardware" }),
      { ...secrets, verb: "get", namespace: "hardware" },
      ...each("get create patch delete", "secrets", {
        group: "",
        namespace: "steelyard-zone-east",
      }),
      { ...leases, verb: "list", namespace: "steelyard-zone-east" },
      { ...leases, verb: "create", namespace: "steelyard-system" },
      { ...leases, verb: "update", namespace: "steelyard-system", name: "steelyard-operator" },
    ]),
  )("may $title", async ({ attempt }) => {
    expect(await may(await asOperator(), attempt, soon())).toBe(true);
  });

  it.each(
    withTitle([
      { ...secrets, verb: "get", namespace: "closed" },
      { ...secrets, verb: "get", namespace: "kube-system" },
      { ...secrets, verb: "list" },
      { ...secrets, verb: "list", namespace: "hardware" },
      { ...secrets, verb: "patch", namespace: "hardware" },
      { ...secrets, verb: "list", namespace: "steelyard-zone-east" },
      ...each("create delete update", "machines", { namespace: "hardware" }),
      ...each("patch update delete", "zones osimages racks machineinventories"),
      ...each("create patch update delete", "machinepools hardwareprofiles"),
      ...each("update", "machineclaims"),
      ...each("adopt", "machines", { namespace: "hardware" }),
      ...each("patch update", "machinetasks"),
      ...each("get list create", "pods", { group: "" }),
      ...each("delete", "namespaces", { group: "" }),
      ...each("escalate", "clusterroles", { group: RBAC }),
      { verb: "bind", group: RBAC, resource: "clusterroles", name: "cluster-admin" },
      { ...leases, verb: "update", namespace: "steelyard-system", name: "another" },
    ]),
  )("may not $title", async ({ attempt }) => {
    expect(await may(await asOperator(), attempt, soon())).toBe(false);
  });

  it("is refused a ClusterRoleBinding to what it does not have", async () => {
    const body = {
      metadata: { name: "too-much" },
      roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: "cluster-admin" },
      subjects: [],
    };
    const path = `/apis/${RBAC}/v1/clusterrolebindings`;
    const answer = await apiRequest(await asOperator(), "POST", path, body, soon());
    expect(answer.status).toBe(403);
  });

  it("is refused a ClusterRole that may do more than itself", async () => {
    const rules = [{ apiGroups: [""], resources: ["secrets"], verbs: ["list"] }];
    const path = `/apis/${RBAC}/v1/clusterroles`;
    const body = { metadata: { name: "too-much" }, rules };
    expect((await apiRequest(await asOperator(), "POST", path, body, soon())).status).toBe(403);
  });
});

describe("the account of a zone's racks", () => {
  const namespace = "steelyard-zone-east";

  it.each(
    withTitle([
      ...each("list watch", "machines machinetasks zones osimages"),
      ...each("get", "machinetasks"),
      ...each("patch", "machinetasks/status racks/status"),
      ...each("get create update", "machineinventories"),
      ...each("get create", "racks"),
      { ...secrets, verb: "get", namespace, name: keys },
      ...each("create patch", "leases", { ...leases, namespace }),
      { verb: "serve", resource: "zones", name: "east" },
    ]),
  )("may $title", async ({ attempt }) => {
    expect(await may(await asRack("east"), attempt, soon())).toBe(true);
  });

  it.each(
    withTitle([
      { ...secrets, verb: "get", namespace: "steelyard-zone-west", name: keys },
      { ...secrets, verb: "get", namespace: "hardware" },
      { ...secrets, verb: "get", namespace: "steelyard-system" },
      ...each("list watch create update patch delete", "secrets", { group: "", namespace }),
      ...each("patch", "leases", { ...leases, namespace: "steelyard-zone-west" }),
      ...each("create update patch delete", "machines zones osimages machinetasks"),
      ...each("update patch", "machines/status zones/status osimages/status"),
      ...each("get list watch create patch", "machineclaims machinepools hardwareprofiles"),
      ...each("bind adopt", "machines"),
      ...each("delete", "machineinventories racks"),
      ...each("create patch", "rolebindings clusterrolebindings", { group: RBAC }),
      { verb: "serve", resource: "zones", name: "west" },
      { verb: "serve", resource: "zones" },
    ]),
  )("may not $title", async ({ attempt }) => {
    expect(await may(await asRack("east"), attempt, soon())).toBe(false);
  });

  it("reads the keys of its zone, and is refused another's", async () => {
    const rack = await asRack("east");
    const get = async (zone: string): Promise<number> => {
      const path = `/api/v1/namespaces/steelyard-zone-${zone}/secrets/${keys}`;
      return (await apiRequest(rack, "GET", path, undefined, soon())).status;
    };
    expect([await get("east"), await get("west")]).toEqual([200, 403]);
  });

  it("is refused a write to a Machine", async () => {
    const path = "/apis/steelyard.dev/v1alpha1/namespaces/hardware/machines/any";
    const answer = await apiRequest(await asRack("east"), "PATCH", path, { spec: {} }, soon());
    expect(answer.status).toBe(403);
  });
});

describe("people", () => {
  /** A ServiceAccount that has the role in the namespace "hardware". */
  async function person(role: string): Promise<ApiAccess> {
    const account = { metadata: { name: role } };
    const at = "/namespaces/hardware";
    await apiRequest(cluster(), "POST", `/api/v1${at}/serviceaccounts`, account, soon());
    const body = {
      ...account,
      roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: role },
      subjects: [{ kind: "ServiceAccount", name: role, namespace: "hardware" }],
    };
    await apiRequest(cluster(), "POST", `/apis/${RBAC}/v1${at}/rolebindings`, body, soon());
    const adminToken = await serviceAccountToken(cluster(), "hardware", role, soon());
    return { ...cluster(), adminToken };
  }

  const namespace = "hardware";
  const see = each("get list watch", "machines machineclaims machinepools machinetasks", {
    namespace,
  });
  const claim = [
    ...each("create patch delete", "machineclaims machinepools", { namespace }),
    ...each("patch", "machinepools/scale", { namespace }),
  ];
  const change = each("create patch delete adopt", "machines", { namespace });
  const nobody = [
    ...each("patch", "machines/status machineclaims/status machinepools/status", { namespace }),
    ...each("create patch delete", "machinetasks machineinventories", { namespace }),
    ...each("bind", "machines", { namespace }),
    ...each("serve", "zones"),
  ];

  it.each([
    { role: "view", can: see, cannot: [...claim, ...change] },
    { role: "edit", can: [...see, ...claim], cannot: change },
    { role: "admin", can: [...see, ...claim], cannot: change },
    { role: "steelyard-view", can: see, cannot: [...claim, ...change] },
    { role: "steelyard-edit", can: [...see, ...claim, ...change], cannot: [] },
  ])(
    "with the role $role see what is theirs; edit claims machines, steelyard-edit changes them",
    async ({ role, can, cannot }) => {
      const access = await person(role);
      // The controller-manager adds aggregated rules in the background.
      for (const attempt of can) {
        await expect
          .poll(() => may(access, attempt, soon()), {
            timeout: 30_000,
            message: sayAttempt(attempt),
          })
          .toBe(true);
      }
      for (const attempt of [...cannot, ...nobody]) {
        expect(await may(access, attempt, soon()), sayAttempt(attempt)).toBe(false);
      }
    },
  );

  it("may be shown the catalog, and no network", async () => {
    const account = { metadata: { name: "tenant" } };
    await apiRequest(
      cluster(),
      "POST",
      "/api/v1/namespaces/hardware/serviceaccounts",
      account,
      soon(),
    );
    const body = {
      ...account,
      roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: "steelyard-catalog" },
      subjects: [{ kind: "ServiceAccount", name: "tenant", namespace: "hardware" }],
    };
    await apiRequest(cluster(), "POST", `/apis/${RBAC}/v1/clusterrolebindings`, body, soon());
    const adminToken = await serviceAccountToken(cluster(), "hardware", "tenant", soon());
    const access = { ...cluster(), adminToken };
    for (const attempt of each("get list watch", "osimages hardwareprofiles")) {
      await expect.poll(() => may(access, attempt, soon()), { timeout: 30_000 }).toBe(true);
    }
    for (const attempt of [
      ...each("get list", "zones racks machines"),
      ...each("patch", "osimages"),
    ]) {
      expect(await may(access, attempt, soon()), sayAttempt(attempt)).toBe(false);
    }
  });
});

describe("the manifests", () => {
  const rendered = async (path: string): Promise<readonly Manifest[]> =>
    loadAll(await kubectl(cluster(), ["kustomize", join(ROOT, path)], soon())) as Manifest[];

  it.each(["config/default", "config/rack/east"])("%s are accepted", async (path) => {
    const how = ["--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict"];
    const told = await kubectl(cluster(), ["apply", ...how, "-k", join(ROOT, path)], soon());
    expect(told.trim().split("\n")).toHaveLength((await rendered(path)).length);
  });

  it.each([
    { path: "config/default", kind: "Deployment", namespace: "steelyard-system" },
    { path: "config/rack/east", kind: "DaemonSet", namespace: "steelyard-zone-east" },
  ])("the pods of the $kind are admitted to $namespace", async ({ path, kind, namespace }) => {
    const workload = (await rendered(path)).find((one) => one.kind === kind);
    const pod = { metadata: { name: "pod" }, spec: workload?.spec.template.spec };
    const url = `/api/v1/namespaces/${namespace}/pods?dryRun=All`;
    const answer = await apiRequest(cluster(), "POST", url, pod, soon());
    expect(answer, answer.body).toMatchObject({ status: 201 });
  });

  it.each([
    { path: "config/default", kind: "Deployment", prefix: "STEELYARD" },
    { path: "config/rack/east", kind: "DaemonSet", prefix: "STEELYARD_RACK" },
  ])("configure the program of the $kind", async ({ path, kind, prefix }) => {
    const workload = (await rendered(path)).find((one) => one.kind === kind);
    const { command = [], env = [] } = workload?.spec.template.spec.containers[0] ?? {};
    const [, program = ""] = command;
    const schema = readFileSync(join(ROOT, program), "utf8");
    for (const { name } of env) expect(schema).toContain(`\n  ${keyOf(name, prefix)}: z`);

    // All that is wrong with its settings is that there is no cluster.
    const given = env.map(({ name, value = "from-the-pod" }) => [name, value]);
    const settings = { ...Object.fromEntries(given), KUBECONFIG: join(folder, "none") };
    const ended = spawnSync(process.execPath, [program], { cwd: ROOT, env: settings });
    expect(`${ended.stderr}`).toMatch(/^the kubeconfig .* cannot be read: ENOENT.*\n$/);
  });

  it("let racks have two capabilities and no more", async () => {
    const rack = (await rendered("config/rack/east")).find(({ kind }) => kind === "DaemonSet");
    expect(rack?.spec.template.spec.containers[0]?.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE", "NET_RAW"] },
    });
    expect(JSON.stringify(rack)).not.toContain('"ZONE"');
  });
});

/** STEELYARD_RACK_BOOT_DIR → bootDir. */
const keyOf = (name: string, prefix: string): string =>
  name
    .slice(prefix.length + 1)
    .toLowerCase()
    .replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());

interface Container {
  readonly command?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly securityContext?: object;
}

interface Manifest extends KubeObject {
  readonly kind: string;
  readonly spec: {
    readonly template: {
      readonly spec: { readonly containers: readonly Container[] };
    };
  };
}

describe("the examples", () => {
  beforeAll(async () => {
    for (const name of ["hardware-east", "team-a"]) await createNamespace(cluster(), name);
  });

  it.each(readdirSync(join(ROOT, "examples")))("%s is accepted", async (name) => {
    const how = ["--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict"];
    const path = join(ROOT, "examples", name);
    const told = await kubectl(cluster(), ["apply", ...how, "-f", path], soon());
    expect(told).toContain("serverside-applied (server dry run)");
  });

  it("are in the order that Argo CD waits for", () => {
    const waves: Readonly<Record<string, number>> = {
      ...{ Namespace: -5, RoleBinding: -5, ClusterRoleBinding: -5, Zone: -2 },
      ...{ OSImage: -1, HardwareProfile: -1, Secret: -1 },
      ...{ Machine: 0, MachineClaim: 1, MachinePool: 1 },
    };
    for (const name of readdirSync(join(ROOT, "examples"))) {
      const text = readFileSync(join(ROOT, "examples", name), "utf8");
      for (const { kind, metadata } of loadAll(text) as Manifest[]) {
        const wave = metadata.annotations?.["argocd.argoproj.io/sync-wave"];
        expect({ name, kind, wave }).toEqual({ name, kind, wave: `${waves[kind]}` });
      }
    }
  });
});
