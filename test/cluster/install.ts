/**
 * Installs Steelyard's kinds, accounts, permissions and admission policies from `crds/` and
 * `config/`, as a person would, so that what is tested runs with exactly what the manifests give.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { zoneNamespace } from "#api/group.ts";
import { systemClock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { OPERATOR_ACCOUNT, RACK_ACCOUNT } from "#controllers/zone/furnish.ts";
import { makeDataDir } from "../../tools/cluster/data-dir.ts";
import { writeKubeconfig } from "../../tools/cluster/kubeconfig.ts";
import { type ApiAccess, apiRequest } from "../../tools/cluster/request.ts";
import { serviceAccountToken } from "../../tools/cluster/service-account.ts";
import { areThere, untilInForce } from "./in-force.ts";
import { type Kubectl, kubectl } from "./kubectl.ts";

export const ROOT = join(import.meta.dirname, "../..");

/** A control plane with Steelyard's kinds; disposing removes the kubeconfig files, nothing else. */
export interface Installed extends AsyncDisposable {
  /** Path of a kubeconfig of the operator's ServiceAccount; its token is good for an hour. */
  readonly operatorKubeconfig: string;
  /**
   * The same of a zone's racks. Waits until the zone was furnished: their account is made by the
   * operator once the Zone is there.
   */
  rackKubeconfig(zone: string, signal: AbortSignal): Promise<string>;
  /** Lets the operator read the Secrets of a namespace of Machines, as its owner would. */
  admitOperator(namespace: string, signal: AbortSignal): Promise<void>;
}

/** May be called again for the same control plane: what is there stays. */
export async function install(
  cluster: ApiAccess & Kubectl,
  signal: AbortSignal,
): Promise<Installed> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.adopt(await makeDataDir("install"), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  await apply(cluster, "config/crd", signal);
  const crds = [
    "wait",
    "--for=condition=Established",
    "crd",
    "-l",
    "app.kubernetes.io/part-of=steelyard",
  ];
  await kubectl(cluster, [...crds, "--timeout=60s"], signal);
  await apply(cluster, "config/rbac", signal);
  const before = await areThere(cluster, signal);
  await apply(cluster, "config/admission", signal);
  if (!before) await untilInForce(cluster, signal);

  const kubeconfigOf = async (
    { namespace, name }: { namespace: string; name: string },
    signal: AbortSignal,
  ): Promise<string> => {
    const path = join(folder, `${namespace}.${name}.kubeconfig`);
    const token = await serviceAccountToken(cluster, namespace, name, signal);
    await writeKubeconfig(path, cluster, token);
    return path;
  };
  const operatorKubeconfig = await kubeconfigOf(OPERATOR_ACCOUNT, signal);
  const kept = stack.move();
  return {
    operatorKubeconfig,
    rackKubeconfig: async (zone, signal) => {
      const account = { namespace: zoneNamespace(zone), name: RACK_ACCOUNT };
      await untilThere(cluster, account, signal);
      return kubeconfigOf(account, signal);
    },
    admitOperator: (namespace, signal) => admitOperator(cluster, namespace, signal),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function apply(cluster: Kubectl, folder: string, signal: AbortSignal): Promise<void> {
  // Server-side: a client's annotation of the whole object would be too long for some CRDs.
  const how = ["--server-side", "--field-manager=install", "--force-conflicts"];
  await kubectl(cluster, ["apply", ...how, "-k", join(ROOT, folder)], signal);
}

async function untilThere(
  cluster: ApiAccess,
  { namespace, name }: { namespace: string; name: string },
  signal: AbortSignal,
): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`;
  while ((await apiRequest(cluster, "GET", path, undefined, signal)).status !== 200) {
    await systemClock.sleep(seconds(0.1), signal);
  }
}

/** The RoleBinding of examples/enroll-a-machine.yaml. */
async function admitOperator(
  cluster: ApiAccess,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  const body = {
    metadata: { name: "steelyard-operator-secrets" },
    roleRef: {
      apiGroup: "rbac.authorization.k8s.io",
      kind: "ClusterRole",
      name: "steelyard-operator-secrets",
    },
    subjects: [{ kind: "ServiceAccount", ...OPERATOR_ACCOUNT }],
  };
  const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`;
  const answer = await apiRequest(cluster, "POST", path, body, signal);
  if (answer.status !== 201 && answer.status !== 409) throw new Error(answer.body);
}
