import type { TestProject } from "vitest/node";
import { startCluster } from "../../tools/cluster/cluster.ts";
import type { ApiAccess } from "../../tools/cluster/request.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The control plane that all files of the run share; see harness.ts. */
    cluster: SharedCluster;
  }
}

/** How to reach the shared control plane; plain data, since it crosses a process. */
export interface SharedCluster extends ApiAccess {
  /** The path of an admin kubeconfig. */
  readonly kubeconfig: string;
  readonly kubectl: string;
}

/**
 * Starts one control plane for the run; vitest's main process holds it, so it ends with vitest. To
 * use another, put the path of an admin kubeconfig into STEELYARD_TEST_KUBECONFIG.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env["STEELYARD_TEST_KUBECONFIG"];
  const options = given === undefined ? {} : { kubeconfig: given };
  const cluster = await startCluster(options, AbortSignal.timeout(1_800_000));
  const { url, caFile, adminToken, kubeconfig, kubectl } = cluster;
  project.provide("cluster", { url, caFile, adminToken, kubeconfig, kubectl });
  return async () => {
    await cluster[Symbol.asyncDispose]();
  };
}
