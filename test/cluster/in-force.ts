/** Admission policies are not in force when `kubectl apply` returns: the API server learns of them a moment later. */
import { systemClock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { type ApiAccess, apiRequest } from "../../tools/cluster/request.ts";

const ADMISSION = "/apis/admissionregistration.k8s.io/v1";
const POLICIES = `${ADMISSION}/validatingadmissionpolicies`;
const BINDINGS = `${ADMISSION}/validatingadmissionpolicybindings`;
const PROBES = "/api/v1/namespaces/default/configmaps?dryRun=All";

const body = (kind: string, name: string, spec: object) => ({
  ...{ apiVersion: "admissionregistration.k8s.io/v1", kind },
  ...{ metadata: { name }, spec },
});

/**
 * Waits until all policies that were applied before are in force, by one more that refuses a
 * ConfigMap of its name: the API server takes them up in order.
 */
export async function untilInForce(cluster: ApiAccess, signal: AbortSignal): Promise<void> {
  const name = `probe-${crypto.randomUUID()}`;
  const rule = { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"] };
  const policy = body("ValidatingAdmissionPolicy", name, {
    matchConstraints: { resourceRules: [{ ...rule, resources: ["configmaps"] }] },
    validations: [{ expression: `object.metadata.name != "${name}"`, message: "in force" }],
  });
  const binding = body("ValidatingAdmissionPolicyBinding", name, {
    policyName: name,
    validationActions: ["Deny"],
  });
  const call = (method: "POST" | "DELETE", path: string, json?: object) =>
    apiRequest(cluster, method, path, json, signal);
  try {
    await made(call("POST", POLICIES, policy));
    await made(call("POST", BINDINGS, binding));
    const probe = { metadata: { name } };
    while ((await call("POST", PROBES, probe)).status === 201) {
      await systemClock.sleep(seconds(0.1), signal);
    }
  } finally {
    await call("DELETE", `${BINDINGS}/${name}`);
    await call("DELETE", `${POLICIES}/${name}`);
  }
}

async function made(answer: ReturnType<typeof apiRequest>): Promise<void> {
  const { status, body: text } = await answer;
  if (status !== 201) throw new Error(text);
}

/** Whether policies of ours are there already, so that applying them again changes nothing. */
export async function areThere(cluster: ApiAccess, signal: AbortSignal): Promise<boolean> {
  const { body: text } = await apiRequest(cluster, "GET", BINDINGS, undefined, signal);
  return text.includes("steelyard.dev");
}
