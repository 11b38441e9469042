/** What kubectl, autoscalers and GitOps tools find at the API server besides the fields. */
import { beforeAll, describe, expect, it } from "vitest";
import { ALL_KINDS } from "#api/all.ts";
import { API_VERSION, KINDS } from "#api/group.ts";
import type { ObjectRef } from "#base/object.ts";
import { apiRequest } from "../../tools/cluster/request.ts";
import { Caller } from "./caller.ts";
import { type KindName, SMALLEST } from "./crd-rules.ts";
import { uniqueName, useCluster, useNamespace } from "./harness.ts";
import { install } from "./install.ts";
import { kubectl } from "./kubectl.ts";

const cluster = useCluster();
const admin = new Caller(cluster);
const namespace = useNamespace("kinds");
const soon = (): AbortSignal => AbortSignal.timeout(60_000);
const run = (...args: string[]): Promise<string> =>
  kubectl(cluster, ["-n", namespace, ...args], soon());

beforeAll(async () => {
  await (await install(cluster, soon()))[Symbol.asyncDispose]();
});

const NAMES = Object.keys(KINDS) as KindName[];

async function make(kind: KindName, spec: object = {}): Promise<ObjectRef> {
  const name = uniqueName("o");
  const at = KINDS[kind].namespaced ? { namespace, name } : { name };
  const answer = await admin.create(KINDS[kind], at, { spec: { ...SMALLEST[kind], ...spec } });
  expect(answer.status, answer.body).toBe(201);
  return at;
}

describe.each(NAMES)("the kind %s", (kind) => {
  const { plural, namespaced } = KINDS[kind];
  const known = ALL_KINDS.find(({ resource }) => resource === KINDS[kind]);
  const [shortName = ""] = known?.shortNames ?? [];

  it("has a short name and columns, and a status that nobody takes for a good one", async () => {
    const { name } = await make(kind);
    const printed = await run("get", shortName, name);
    const columns = (known?.columns ?? []).filter(({ wide }) => wide !== true);
    expect(
      printed
        .split("\n")[0]
        ?.trim()
        .split(/\s{2,}/),
    ).toEqual(["Name", ...columns.map((column) => column.name)].map((word) => word.toUpperCase()));
    if (known?.status !== undefined && kind !== "machineTask") {
      const at = ["-o", "jsonpath={.status.observedGeneration}"];
      expect(await run("get", plural, name, ...at)).toBe("-1");
    }
    if (!namespaced) await admin.delete(KINDS[kind], { name });
  });

  it("is explained by kubectl", async () => {
    const told = await run("explain", `${plural}.spec`);
    expect(told).toContain("FIELDS");
    expect(told).not.toContain("<no description>");
  });
});

it("all our kinds come with one name", async () => {
  await make("machineClaim");
  expect(await run("get", "steelyard", "-o", "name")).toContain("machineclaim.steelyard.dev/");
});

describe("a field selector", () => {
  it("finds Machines by zone, phase and who claims them", async () => {
    const { name } = await make("machine", { zoneRef: { name: "attic" } });
    const claimRef = { namespace: "team", name: "web", uid: "cafe" };
    await admin.patchStatus(KINDS.machine, { namespace, name }, { phase: "Deployed", claimRef });
    const by = ["spec.zoneRef.name=attic", "status.phase=Deployed", "status.claimRef.uid=cafe"];
    const found = await run("get", "mach", "-o", "name", `--field-selector=${by.join(",")}`);
    expect(found.trim()).toBe(`machine.steelyard.dev/${name}`);
  });

  it("finds the tasks of a Machine", async () => {
    const { name } = await make("machineTask", { machineRef: { name: "m7", uid: "01234567" } });
    const found = await run(
      "get",
      "mtask",
      "-o",
      "name",
      "--field-selector=spec.machineRef.name=m7",
    );
    expect(found.trim()).toBe(`machinetask.steelyard.dev/${name}`);
  });
});

describe("the scale of a MachinePool", () => {
  const scale = (name: string, replicas: number): Promise<string> =>
    run("scale", `mpool/${name}`, `--replicas=${replicas}`);

  it("is written though spec.replicas was left to it, and never wiped after that", async () => {
    const { name } = await make("machinePool", { maxReplicas: 5 });
    await scale(name, 3);
    const at = ["-o", "jsonpath={.spec.replicas}"];
    expect(await run("get", "mpool", name, ...at)).toBe("3");
    const wiped = await admin.patch(
      KINDS.machinePool,
      { namespace, name },
      { spec: { replicas: null } },
    );
    expect(wiped.status).toBe(422);
  });

  it("is refused beyond the pool's bounds, with the reason", async () => {
    const { name } = await make("machinePool", { minReplicas: 2, maxReplicas: 5 });
    await expect(scale(name, 6)).rejects.toThrow("replicas is above maxReplicas");
    await expect(scale(name, 1)).rejects.toThrow("replicas is below minReplicas");
  });

  it("may be beyond bounds that changed since, until somebody scales", async () => {
    const { name } = await make("machinePool", { minReplicas: 2, maxReplicas: 5, replicas: 3 });
    const ref = { namespace, name };
    expect((await admin.patch(KINDS.machinePool, ref, { spec: { minReplicas: 4 } })).status).toBe(
      200,
    );
    await expect(scale(name, 2)).rejects.toThrow("replicas is below minReplicas");
    await scale(name, 4);
  });

  it("tells an autoscaler how many there are, and by which labels", async () => {
    const { name } = await make("machinePool", { replicas: 2 });
    const selector = `steelyard.dev/pool=${name}`;
    await admin.patchStatus(KINDS.machinePool, { namespace, name }, { replicas: 1, selector });
    const path = `/apis/${API_VERSION}/namespaces/${namespace}/machinepools/${name}/scale`;
    const { body } = await apiRequest(cluster, "GET", path, undefined, soon());
    expect(JSON.parse(body)).toMatchObject({
      spec: { replicas: 2 },
      status: { replicas: 1, selector },
    });
  });
});
