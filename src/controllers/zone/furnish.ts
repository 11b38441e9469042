import {
  CORE,
  GROUP,
  PROTECTED_LABEL,
  ZONE_KEYS_SECRET,
  ZONE_LABEL,
  zoneNamespace,
} from "#api/group.ts";
import type { Zone } from "#api/zone.ts";
import type { KubeObject } from "#base/object.ts";
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

/** Makes a zone's namespace, keys and permissions, once per life of the operator. */
export function furnisher(
  client: KubeClient,
  makeKeys: (zone: string) => Promise<ZoneKeys>,
  operator: ServiceAccount,
): (zone: Zone, signal: AbortSignal) => Promise<void> {
  const done = new Set<string>();
  return async ({ metadata: { name, uid } }, signal) => {
    if (done.has(uid)) return;
    for (const { resource, object } of furniture(name, operator)) {
      await client.apply(resource, object, MANAGER, signal);
    }
    await keepKeys(client, name, makeKeys, signal);
    done.add(uid);
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
function furniture(zone: string, operator: ServiceAccount) {
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
        metadata: { name: serve, labels },
        rules: [
          { apiGroups: [GROUP], resources: ["zones"], resourceNames: [zone], verbs: ["serve"] },
        ],
      },
    },
    binding(CLUSTER_ROLE_BINDING, { name: serve, labels }, serve, account),
    binding(
      CLUSTER_ROLE_BINDING,
      { name: `steelyard-rack-${zone}`, labels },
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
