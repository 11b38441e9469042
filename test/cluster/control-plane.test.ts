import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster } from "../../tools/cluster/cluster.ts";
import { sweepDataDirs } from "../../tools/cluster/data-dir.ts";
import { isAlive } from "../../tools/cluster/pid.ts";
import { apiRequest } from "../../tools/cluster/request.ts";
import { serviceAccountToken } from "../../tools/cluster/service-account.ts";
import { createNamespace, useCluster, useNamespace, useOwnCluster } from "./harness.ts";

const soon = (): AbortSignal => AbortSignal.timeout(60_000);

/** Asks until the answer is as wanted; the test's own timeout ends it. */
async function until(wanted: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await wanted())) await sleep(50);
}

async function get(cluster: Parameters<typeof apiRequest>[0], path: string): Promise<number> {
  return (await apiRequest(cluster, "GET", path, undefined, soon())).status;
}

describe("the shared control plane", () => {
  const namespace = useNamespace("control-plane");

  it("collects what its owner leaves behind", async () => {
    const maps = `/api/v1/namespaces/${namespace}/configmaps`;
    const create = (metadata: object) =>
      apiRequest(useCluster(), "POST", maps, { metadata }, soon());
    const { metadata } = JSON.parse((await create({ name: "owner" })).body);
    const owner = { apiVersion: "v1", kind: "ConfigMap", name: "owner", uid: metadata.uid };
    expect((await create({ name: "owned", ownerReferences: [owner] })).status).toBe(201);

    await apiRequest(useCluster(), "DELETE", `${maps}/owner`, undefined, soon());
    await until(async () => (await get(useCluster(), `${maps}/owned`)) === 404);
  });

  it("gives a ServiceAccount a token with no more than its own permissions", async () => {
    await until(
      async () =>
        (await get(useCluster(), `/api/v1/namespaces/${namespace}/serviceaccounts/default`)) ===
        200,
    );
    const adminToken = await serviceAccountToken(useCluster(), namespace, "default", soon());
    const asAccount = { ...useCluster(), adminToken };
    expect(await get(asAccount, "/version")).toBe(200);
    expect(await get(asAccount, `/api/v1/namespaces/${namespace}/secrets`)).toBe(403);
  });
});

describe("a control plane of one's own", () => {
  const cluster = useOwnCluster({ controllerManager: false });

  it("keeps what was written when its API server is killed and started again", async () => {
    await createNamespace(cluster(), "kept");
    const before = cluster().pids["kube-apiserver"];
    await cluster().stopApiServer();
    await expect(get(cluster(), "/readyz")).rejects.toThrow("ECONNREFUSED");
    await cluster().startApiServer(soon());
    expect(cluster().pids["kube-apiserver"]).not.toBe(before);
    expect(await get(cluster(), "/api/v1/namespaces/kept")).toBe(200);
  });

  it("leaves neither processes nor files when it is disposed of", async () => {
    const pids = Object.values(cluster().pids);
    expect(pids).toHaveLength(2);
    await cluster()[Symbol.asyncDispose]();
    expect(pids.filter(isAlive)).toEqual([]);
    expect(existsSync(cluster().dataDir)).toBe(false);
  });
});

describe("a cluster that is given", () => {
  it("is used as it is, and left alone", async () => {
    const { kubeconfig } = useCluster();
    const given = await startCluster({ kubeconfig }, soon());
    expect(await get(given, "/readyz")).toBe(200);
    await expect(given.stopApiServer()).rejects.toThrow("not started by us");
    await given[Symbol.asyncDispose]();
    expect(await get(useCluster(), "/readyz")).toBe(200);
  });
});

describe("a launcher that is killed", () => {
  let assets: string;
  beforeAll(async () => {
    assets = await mkdtemp(join(tmpdir(), "steelyard-assets-"));
    const built = dirname(useCluster().kubectl);
    for (const name of ["etcd", "kube-apiserver"]) {
      await symlink(join(built, name), join(assets, name));
    }
  });
  afterAll(() => rm(assets, { recursive: true }));

  it.each([
    { what: "programs of our own build", env: () => ({ KUBEBUILDER_ASSETS: "" }) },
    { what: "what KUBEBUILDER_ASSETS has", env: () => ({ KUBEBUILDER_ASSETS: assets }) },
  ])("takes along $what; a later start sweeps its folder", async ({ env }) => {
    const launcher = spawn(process.execPath, ["tools/cluster/run.ts", "start"], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ...env() },
    });
    const [line] = await once(createInterface(launcher.stdout), "line");
    const kubeconfig = String(line).replace("export KUBECONFIG=", "");
    expect(existsSync(kubeconfig)).toBe(true);
    const pids = await childrenOf(launcher.pid ?? 0);
    expect(pids).toHaveLength(3);

    launcher.kill("SIGKILL");
    await once(launcher, "exit");
    await until(() => !pids.some(isAlive));
    await sweepDataDirs();
    expect(existsSync(kubeconfig)).toBe(false);
  });
});

async function childrenOf(pid: number): Promise<readonly number[]> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return list.trim().split(" ").map(Number);
}
