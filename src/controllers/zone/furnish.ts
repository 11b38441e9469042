import {
  API_VERSION,
  CORE,
  GROUP,
  KINDS,
  PROTECTED_LABEL,
  ZONE_KEYS_SECRET,
  ZONE_LABEL,
  zoneNamespace,
} from "#api/group.ts";
import type { Zone } from "#api/zone.ts";
import { type Duration, minutes } from "#base/duration.ts";
import type { KubeObject, ObjectMeta, OwnerReference } from "#base/object.ts";
import type { KubeClient } from "#kube/client.ts";

/** The zone's secrets as they are made once: see `steelyard-zone-keys` in design section 4. */
export interface ZoneKeys {
  /** Signs boot tokens, sessions and phone-home tokens: 32 bytes, base64. */
  readonly hmacKey: string;
  /** PEM. The agent believes this CA alone. */
  readonly caCert: string;
  readonly tlsCert: string;
  readonly tlsKey: string;
}

/** The ServiceAccount of a zone's racks, in the zone's namespace. */
export const RACK_ACCOUNT = "steelyard-rack";
/** Where the operator runs, and as whom, by the manifests of config/. */
export const OPERATOR_ACCOUNT = { name: "steelyard-operator", namespace: "steelyard-system" };
const MANAGER = { fieldManager: "steelyard-operator", force: true } as const;
const RBAC = "rbac.authorization.k8s.io";
const CLUSTER_ROLE_BINDING = {
  ...{ group: RBAC, version: "v1", kind: "ClusterRoleBinding", plural: "clusterrolebindings" },
  namespaced: false,
} as const;
const CLUSTER_ROLE = {
  ...{ group: RBAC, version: "v1", kind: "ClusterRole", plural: "clusterroles" },
  namespaced: false,
} as const;

/** So long what somebody took away may be missing. */
export const REPAIR: Duration = minutes(5);

/**
 * Makes a zone's namespace, keys and permissions, and again from time to time: nothing tells us when
 * somebody deletes them, and to look would take a right to read them. What is as it should be is no
 * write to the API server. `monotonic`: milliseconds that never go back.
 */
export function furnisher(
  client: KubeClient,
  makeKeys: (zone: string) => Promise<ZoneKeys>,
  operator: ServiceAccount,
  monotonic: () => number,
): (zone: Zone, signal: AbortSignal) => Promise<void> {
  const done = new Map<string, number>();
  return async ({ metadata: { name, uid } }, signal) => {
    const at = done.get(uid);
    if (at !== undefined && monotonic() - at < REPAIR) return;
    for (const { resource, object } of furniture({ name, uid }, operator)) {
      await client.apply(resource, object, MANAGER, signal);
    }
    await keepKeys(client, name, makeKeys, signal);
    done.set(uid, monotonic());
  };
}

/** Keys are made when there are none, and never replaced: running agents believe in them. */
async function keepKeys(
  client: KubeClient,
  zone: string,
  makeKeys: (zone: string) => Promise<ZoneKeys>,
  signal: AbortSignal,
): Promise<void> {
  const namespace = zoneNamespace(zone);
  const there = await client.get<KubeObject>(
    CORE.secret,
    { namespace, name: ZONE_KEYS_SECRET },
    signal,
  );
  if (there !== null) return;
  const keys = await makeKeys(zone);
  const stringData = {
    hmacKey: keys.hmacKey,
    "ca.crt": keys.caCert,
    "tls.crt": keys.tlsCert,
    "tls.key": keys.tlsKey,
  };
  const metadata = { name: ZONE_KEYS_SECRET, namespace, labels: { [ZONE_LABEL]: zone } };
  await client.create(CORE.secret, { metadata, type: "Opaque", stringData }, signal);
}

export interface ServiceAccount {
  readonly name: string;
  readonly namespace: string;
}

/**
 * All that a zone's racks are and may, and what the operator may there. The ClusterRoles that are
 * bound here are in config/rbac, whose rules name them for the verb `bind`.
 */
function furniture(
  { name: zone, uid }: Pick<ObjectMeta, "name" | "uid">,
  operator: ServiceAccount,
) {
  // Kubernetes' garbage collector takes them away with the Zone: the operator may delete no role.
  const owner: OwnerReference = { apiVersion: API_VERSION, kind: KINDS.zone.kind, name: zone, uid };
  const ownerReferences = [owner];
  const namespace = zoneNamespace(zone);
  const labels = { [ZONE_LABEL]: zone };
  const account = { kind: "ServiceAccount", name: RACK_ACCOUNT, namespace };
  const serve = `steelyard-serve-${zone}`;
  return [
    {
      resource: CORE.namespace,
      object: {
        metadata: {
          name: namespace,
          labels: {
            ...labels,
            [PROTECTED_LABEL]: "true",
            "pod-security.kubernetes.io/enforce": "privileged", // racks need the host's network
          },
        },
      },
    },
    // Early: the API server's authorizer hears of it a moment later, and the zone's keys come last.
    binding(
      CORE.roleBinding,
      { name: "steelyard-operator-zone", namespace, labels },
      "steelyard-operator-zone",
      { kind: "ServiceAccount", ...operator },
    ),
    {
      resource: CORE.serviceAccount,
      object: { metadata: { name: RACK_ACCOUNT, namespace, labels } },
    },
    {
      // What the zone's admission policy asks for: RBAC alone cannot bind a rack to a zone's tasks.
      resource: CLUSTER_ROLE,
      object: {
        metadata: { name: serve, labels, ownerReferences },
        rules: [
          { apiGroups: [GROUP], resources: ["zones"], resourceNames: [zone], verbs: ["serve"] },
        ],
      },
    },
    binding(CLUSTER_ROLE_BINDING, { name: serve, labels, ownerReferences }, serve, account),
    binding(
      CLUSTER_ROLE_BINDING,
      { name: `steelyard-rack-${zone}`, labels, ownerReferences },
      "steelyard-rack",
      account,
    ),
    binding(
      CORE.roleBinding,
      { name: "steelyard-rack-zone", namespace, labels },
      "steelyard-rack-zone",
      account,
    ),
  ];
}

function binding<M extends { readonly name: string }>(
  resource: typeof CLUSTER_ROLE_BINDING | typeof CORE.roleBinding,
  metadata: M,
  role: string,
  account: object,
) {
  const roleRef = { apiGroup: RBAC, kind: "ClusterRole", name: role };
  return { resource, object: { metadata, roleRef, subjects: [account] } };
}
