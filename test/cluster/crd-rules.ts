/**
 * For every CEL rule in `crds/`: an object that breaks it, and what its message says to write
 * instead. Patches are merge patches on the smallest object of the kind.
 */
import type { KINDS } from "#api/group.ts";

export type KindName = keyof typeof KINDS;

interface Patch {
  readonly spec?: object;
  readonly status?: object;
  readonly metadata?: { readonly name: string };
}

/** One rule: where it stands in the schema, and what the API server says when it is broken. */
export interface Rule {
  /** e.g. `spec.tolerations[]`; "" is the whole object. */
  readonly at: string;
  readonly message: string;
}

interface Row extends Rule {
  readonly kind: KindName;
  /** What is there before. */
  readonly was?: Patch;
  readonly bad: Patch;
  /** Follows the message's advice and so is accepted; none where it says to leave it. */
  readonly good?: Patch;
}

const machineSpec = {
  zoneRef: { name: "a" },
  bmc: { address: "redfish://10.0.0.1", credentialsRef: { name: "bmc" } },
  boot: { macAddresses: ["52:54:00:00:00:01"] },
};
const artifact = {
  architecture: "amd64",
  format: "raw",
  url: "https://images.example.org/os.raw",
  digest: `sha256:${"0".repeat(64)}`,
};
const taskSpec = {
  machineRef: { name: "m", uid: "01234567" },
  ...{ zone: "a", type: "Commission", epoch: 1, attempt: 1 },
  ...{ macAddresses: ["52:54:00:00:00:01"], bootDeadline: "600s" },
};
const deployPlan = { image: "os", artifact, readiness: "AgentDone", hostname: "m" };
const deploy = { imageRef: { name: "os" } };

/** The smallest spec of each kind. */
export const SMALLEST: Readonly<Record<KindName, object>> = {
  machine: machineSpec,
  machineTask: taskSpec,
  machineInventory: {
    zone: "a",
    machineRef: { name: "m", uid: "01234567" },
    ...{ collectedAt: "2026-01-01T00:00:00Z", architecture: "amd64", firmware: "UEFI" },
    ...{ system: {}, cpu: { threads: 1 }, memory: { totalMiB: 1 }, disks: [], nics: [] },
  },
  rack: { zone: "a" },
  zone: {},
  osImage: { artifacts: [artifact] },
  machineClaim: {},
  machinePool: { template: { spec: {} } },
  hardwareProfile: {},
};

const claimRef = { namespace: "team", name: "c", uid: "1" };
const grant = { bootNonce: "n", rack: "r", agentKey: "k" };
const bound = { machineRef: { namespace: "hardware", name: "m1", uid: "1", zone: "a" } };
const subnet = (rest: object) => ({
  spec: { subnets: [{ name: "lan", cidr: "10.20.0.0/16", ...rest }] },
});

const MACHINE: readonly Row[] = [
  {
    ...{ kind: "machine", at: "", was: { status: { claimRef } } },
    message: "spec.deploy and a claim exclude each other",
    bad: { spec: { deploy } },
  },
  {
    ...{ kind: "machine", at: "spec", was: { spec: { protected: true, deploy } } },
    message: "take it away before adding or removing spec.deploy",
    bad: { spec: { deploy: null } },
    good: { spec: { protected: false, deploy: null } },
  },
  {
    ...{ kind: "machine", at: "spec.zoneRef", message: "zoneRef is immutable" },
    bad: { spec: { zoneRef: { name: "b" } } },
  },
  {
    ...{ kind: "machine", at: "spec.bmc.address", message: "write redfish://HOST" },
    bad: { spec: { bmc: { address: "10.0.0.1" } } },
    good: { spec: { bmc: { address: "ipmi://10.0.0.1:623" } } },
  },
  {
    ...{ kind: "machine", at: "spec.bmc.address", message: "the Secret of credentialsRef" },
    bad: { spec: { bmc: { address: "redfish://root:calvin@10.0.0.1" } } },
    good: { spec: { bmc: { address: "redfish://10.0.0.1/redfish/v1/Systems/1" } } },
  },
  {
    ...{ kind: "machine", at: "spec.bmc.tls", message: "mode Pin needs fingerprintSHA256" },
    bad: { spec: { bmc: { tls: { mode: "Pin" } } } },
    good: { spec: { bmc: { tls: { mode: "Pin", fingerprintSHA256: "ab".repeat(32) } } } },
  },
  {
    ...{ kind: "machine", at: "spec.bmc.tls", message: "mode Verify needs caBundleRef" },
    bad: { spec: { bmc: { tls: { mode: "Verify" } } } },
    good: { spec: { bmc: { tls: { mode: "Verify", caBundleRef: { name: "ca" } } } } },
  },
  {
    ...{ kind: "machine", at: "status", message: "epoch never goes back" },
    ...{ was: { status: { epoch: 3 } }, bad: { status: { epoch: 2 } } },
    good: { status: { epoch: 4 } },
  },
  {
    ...{ kind: "machine", at: "status", message: "claimRef is set or cleared, never re-pointed" },
    ...{ was: { status: { claimRef } }, bad: { status: { claimRef: { uid: "2" } } } },
    good: { status: { claimRef: null } },
  },
];

const TASK: readonly Row[] = [
  {
    ...{ kind: "machineTask", at: "spec", message: "a task is never changed: make another" },
    bad: { spec: { bootDeadline: "900s" } },
  },
  {
    ...{ kind: "machineTask", at: "spec", message: "deploy is for type Deploy" },
    bad: { spec: { deploy: deployPlan } },
  },
  {
    ...{ kind: "machineTask", at: "spec", message: "erase is for type Erase" },
    bad: { spec: { erase: { method: "Quick" } } },
  },
  {
    ...{ kind: "machineTask", at: "status", message: "an ended task never changes" },
    ...{ was: { status: { state: "Failed" } }, bad: { status: { state: "Pending" } } },
  },
  {
    ...{ kind: "machineTask", at: "status", message: "a grant is given once" },
    ...{ was: { status: { grant } }, bad: { status: { grant: { bootNonce: "other" } } } },
  },
  {
    ...{ kind: "machineTask", at: "status", message: "nothing runs without a grant" },
    bad: { status: { state: "Running" } },
    good: { status: { state: "Running", grant } },
  },
];

const CLUSTER: readonly Row[] = [
  {
    ...{ kind: "rack", at: "spec.zone", message: "a rack serves one zone" },
    bad: { spec: { zone: "b" } },
  },
  {
    ...{ kind: "zone", at: "", message: "write at most 48 of a-z, 0-9 and -" },
    bad: { metadata: { name: "z".repeat(49) } },
    good: { metadata: { name: "z".repeat(48) } },
  },
  {
    ...{ kind: "zone", at: "spec.subnets[]", message: "gateway is outside of cidr" },
    bad: subnet({ gateway: "10.30.0.1" }),
    good: subnet({ gateway: "10.20.0.1" }),
  },
  {
    ...{ kind: "zone", at: "spec.subnets[]", message: "a range is outside of cidr" },
    bad: subnet({ ranges: { reserved: [{ from: "10.20.0.1", to: "10.30.0.9" }] } }),
    good: subnet({ ranges: { reserved: [{ from: "10.20.0.1", to: "10.20.0.9" }] } }),
  },
  {
    ...{ kind: "zone", at: "spec.subnets[].cidr", message: "write an IPv4 network" },
    bad: subnet({ cidr: "10.20.0.0/255" }),
    good: subnet({ cidr: "10.20.0.0/24" }),
  },
  ...(["dynamic", "reserved"] as const).map(
    (name): Row => ({
      ...{ kind: "zone", at: `spec.subnets[].ranges.${name}[]` },
      message: "write the lower address into from",
      bad: subnet({ ranges: { [name]: [{ from: "10.20.1.0", to: "10.20.0.255" }] } }),
      good: subnet({ ranges: { [name]: [{ from: "10.20.0.255", to: "10.20.1.0" }] } }),
    }),
  ),
  {
    ...{ kind: "zone", at: "spec.claimNamespaces", message: "write names or matchLabels" },
    bad: { spec: { claimNamespaces: {} } },
    good: { spec: { claimNamespaces: { matchLabels: {} } } },
  },
  {
    ...{ kind: "osImage", at: "spec", message: "make another OSImage" },
    bad: { spec: { artifacts: [{ ...artifact, digest: `sha256:${"1".repeat(64)}` }] } },
  },
  {
    ...{ kind: "hardwareProfile", at: "spec.match", message: "write vendor, model or both" },
    bad: { spec: { match: {} } },
    good: { spec: { match: { vendor: "Dell Inc." } } },
  },
];

const CLAIM: readonly Row[] = [
  {
    ...{ kind: "machineClaim", at: "spec", message: "adoptBound needs machineRef" },
    bad: { spec: { adoptBound: true } },
    good: { spec: { adoptBound: true, machineRef: { namespace: "hardware", name: "m1" } } },
  },
  {
    ...{ kind: "machineClaim", at: "spec.tolerations[]", message: "leave value out" },
    bad: { spec: { tolerations: [{ key: "a", operator: "Exists", value: "b" }] } },
    good: { spec: { tolerations: [{ key: "a", operator: "Exists" }] } },
  },
  {
    ...{ kind: "machineClaim", at: "spec.tolerations[]", message: "else write the key" },
    bad: { spec: { tolerations: [{ value: "b" }] } },
    good: { spec: { tolerations: [{ operator: "Exists" }] } },
  },
  {
    ...{ kind: "machineClaim", at: "spec.selector.matchExpressions[]" },
    message: "In and NotIn need values",
    bad: { spec: { selector: { matchExpressions: [{ key: "a", operator: "In", values: [] }] } } },
    good: { spec: { selector: { matchExpressions: [{ key: "a", operator: "Exists" }] } } },
  },
];

const BOUND_CLAIM: readonly Row[] = [
  {
    ...{ kind: "machineClaim", at: "", message: "the claim holds another Machine" },
    was: { status: bound },
    bad: { spec: { machineRef: { namespace: "hardware", name: "m2" } } },
    good: { spec: { machineRef: { namespace: "hardware", name: "m1" } } },
  },
  ...Object.entries({
    selector: { matchLabels: { a: "b" } },
    requirements: { minCPUs: 2 },
    topologySpread: [{ topologyKey: "Zone" }],
  }).map(
    ([field, value]): Row => ({
      ...{ kind: "machineClaim", at: "", message: `so that spec.${field} is immutable` },
      ...{ was: { status: bound }, bad: { spec: { [field]: value } } },
      good: { spec: { priority: 7, tolerations: [{ operator: "Exists" }] } },
    }),
  ),
  {
    ...{ kind: "machineClaim", at: "status", message: "machineRef is set or cleared" },
    ...{ was: { status: bound }, bad: { status: { machineRef: { uid: "2" } } } },
    good: { status: { machineRef: null } },
  },
];

const ofTemplate = (patch: Patch): Patch => ({ spec: { template: { spec: patch.spec } } });

const POOL: readonly Row[] = [
  // The same rules, where the claim's spec is a template.
  ...CLAIM.map(
    ({ at, message, bad, good }): Row => ({
      ...{ kind: "machinePool", at: at.replace("spec", "spec.template.spec"), message },
      ...{
        bad: ofTemplate(bad),
        ...(good !== undefined && at !== "spec" && { good: ofTemplate(good) }),
      },
    }),
  ),
  {
    ...{ kind: "machinePool", at: "", message: "write at most 63 characters" },
    bad: { metadata: { name: "p".repeat(64) } },
    good: { metadata: { name: "p".repeat(63) } },
  },
  {
    ...{ kind: "machinePool", at: "spec", message: "replicas was set and cannot be taken away" },
    ...{ was: { spec: { replicas: 3 } }, bad: { spec: { replicas: null } } },
    good: { spec: { replicas: 0 } },
  },
  {
    ...{ kind: "machinePool", at: "spec", message: "write min <= max" },
    bad: { spec: { minReplicas: 3, maxReplicas: 2 } },
    good: { spec: { minReplicas: 2, maxReplicas: 2 } },
  },
  {
    ...{ kind: "machinePool", at: "spec", message: "replicas is below minReplicas" },
    bad: { spec: { minReplicas: 2, replicas: 1 } },
    good: { spec: { minReplicas: 2, replicas: 2 } },
  },
  {
    ...{ kind: "machinePool", at: "spec", message: "replicas is above maxReplicas" },
    bad: { spec: { maxReplicas: 2, replicas: 3 } },
    good: { spec: { maxReplicas: 2, replicas: 2 } },
  },
  {
    ...{ kind: "machinePool", at: "spec", message: "take template.spec.machineRef away" },
    bad: ofTemplate({ spec: { machineRef: { namespace: "hardware", name: "m1" } } }),
  },
  {
    ...{ kind: "machinePool", at: "spec", message: "take template.spec.deploy.hostname away" },
    bad: ofTemplate({ spec: { deploy: { ...deploy, hostname: "web" } } }),
    good: ofTemplate({ spec: { deploy } }),
  },
  {
    ...{ kind: "machinePool", at: "spec", message: "write spec.protected, of the pool, instead" },
    bad: ofTemplate({ spec: { protected: true } }),
    good: { spec: { protected: true } },
  },
];

export const ROWS: readonly Row[] = [
  ...MACHINE,
  ...TASK,
  ...CLUSTER,
  ...CLAIM,
  ...BOUND_CLAIM,
  ...POOL,
];
