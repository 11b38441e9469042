/**
 * The control planes that tests stand on. A test that only uses the API takes the shared one and a
 * namespace of its own; one that kills or restarts the API server starts its own.
 */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, inject } from "vitest";
import { type Cluster, type ClusterOptions, startCluster } from "../../tools/cluster/cluster.ts";
import { type ApiAccess, apiRequest } from "../../tools/cluster/request.ts";
import type { SharedCluster } from "./global-setup.ts";

/** The control plane of this run: no file may stop it, or delete what it did not create. */
export function useCluster(): SharedCluster {
  return inject("cluster");
}

/**
 * A namespace of the shared control plane for this file, made before its tests and deleted after
 * them. The name is known at once.
 */
export function useNamespace(prefix: string): string {
  const name = uniqueName(prefix);
  beforeAll(() => createNamespace(useCluster(), name));
  afterAll(() => deleteNamespace(useCluster(), name));
  return name;
}

/** For what is cluster-scoped (a Zone, an OSImage), so that files do not meet in one name. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(3).toString("hex")}`;
}

/** A control plane for this file alone; call the function that it gives back inside tests. */
export function useOwnCluster(options: ClusterOptions): () => Cluster {
  let cluster: Cluster | undefined;
  beforeAll(async () => {
    cluster = await startCluster(options, AbortSignal.timeout(600_000));
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());
  return () => {
    if (cluster === undefined) throw new Error("the control plane is there inside tests only");
    return cluster;
  };
}

/** Creates a namespace; one that is there already is an error. */
export async function createNamespace(access: ApiAccess, name: string): Promise<void> {
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  const answer = await apiRequest(access, "POST", "/api/v1/namespaces", body, soon());
  if (answer.status !== 201) throw new Error(`namespace ${name}: ${answer.body}`);
}

/** Orders its deletion; does not wait until it is gone. */
export async function deleteNamespace(access: ApiAccess, name: string): Promise<void> {
  await apiRequest(access, "DELETE", `/api/v1/namespaces/${name}`, undefined, soon());
}

function soon(): AbortSignal {
  return AbortSignal.timeout(30_000);
}
