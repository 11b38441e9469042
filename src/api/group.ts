import type { Resource } from "#base/object.ts";

export const GROUP = "steelyard.dev";
export const VERSION = "v1alpha1";
export const API_VERSION = `${GROUP}/${VERSION}`;

const ours = (kind: string, plural: string, scope: "Namespaced" | "Cluster"): Resource => ({
  group: GROUP,
  version: VERSION,
  kind,
  plural,
  namespaced: scope === "Namespaced",
});

/** Our kinds, by the names that code uses for them. */
export const KINDS = {
  machine: ours("Machine", "machines", "Namespaced"),
  machineTask: ours("MachineTask", "machinetasks", "Namespaced"),
  machineInventory: ours("MachineInventory", "machineinventories", "Namespaced"),
  rack: ours("Rack", "racks", "Cluster"),
  zone: ours("Zone", "zones", "Cluster"),
  osImage: ours("OSImage", "osimages", "Cluster"),
  machineClaim: ours("MachineClaim", "machineclaims", "Namespaced"),
  machinePool: ours("MachinePool", "machinepools", "Namespaced"),
  hardwareProfile: ours("HardwareProfile", "hardwareprofiles", "Cluster"),
} as const satisfies Record<string, Resource>;

/** Kinds of Kubernetes itself that we read or write. */
export const CORE = {
  secret: { group: "", version: "v1", kind: "Secret", plural: "secrets", namespaced: true },
  namespace: {
    group: "",
    version: "v1",
    kind: "Namespace",
    plural: "namespaces",
    namespaced: false,
  },
  serviceAccount: {
    group: "",
    version: "v1",
    kind: "ServiceAccount",
    plural: "serviceaccounts",
    namespaced: true,
  },
  roleBinding: {
    group: "rbac.authorization.k8s.io",
    version: "v1",
    kind: "RoleBinding",
    plural: "rolebindings",
    namespaced: true,
  },
  lease: {
    group: "coordination.k8s.io",
    version: "v1",
    kind: "Lease",
    plural: "leases",
    namespaced: true,
  },
} as const satisfies Record<string, Resource>;

/** What must outlive a Machine's status: see `record.ts`. */
export const RECORD_ANNOTATION = `${GROUP}/record`;
/** On a Machine: the operator has something to carry out before the object may go. */
export const MACHINE_FINALIZER = `${GROUP}/machine`;
/** On a MachineClaim: its deletion is the order to release the machine, which comes first. */
export const RELEASE_FINALIZER = `${GROUP}/release`;
/** On the claims of a pool: the pool's name. */
export const POOL_LABEL = `${GROUP}/pool`;
/** On the claims of a pool: the hash of the template that they were made of. */
export const TEMPLATE_HASH_LABEL = `${GROUP}/template-hash`;
/**
 * On a pool's claim, with any value but "false": when there are too many, this one goes first. It is
 * read when a victim is chosen, and never taken away.
 */
export const DELETE_FIRST_ANNOTATION = `${GROUP}/delete-first`;
/** The only type of Secret that may be named as user data. */
export const USER_DATA_TYPE = `${GROUP}/user-data`;
/** On namespaces whose deletion would take away what machines need. */
export const PROTECTED_LABEL = `${GROUP}/protected`;
export const ZONE_LABEL = `${GROUP}/zone`;

/** Where a zone's keys, Leases and the user data of running tasks live. */
export const zoneNamespace = (zone: string): string => `steelyard-zone-${zone}`;
/** In the zone's namespace: the HMAC key of boot tokens, the zone's CA and the racks' certificate. */
export const ZONE_KEYS_SECRET = "steelyard-zone-keys";
