/** One machine, its BMC, and an operator's reconciler over an API server in memory. */
import { CORE, KINDS, zoneNamespace } from "#api/group.ts";
import type { Machine, MachineSpec } from "#api/machine.ts";
import type { MachineInventorySpec } from "#api/machine-inventory.ts";
import type { MachineTask, MachineTaskStatus } from "#api/machine-task.ts";
import { type Duration, seconds } from "#base/duration.ts";
import { type KubeObject, keyOf, type Resource } from "#base/object.ts";
import type { BmcDriver } from "#bmc/driver.ts";
import type { BmcKey } from "#bmc/line.ts";
import { newCaches } from "#controllers/all.ts";
import { reconcileClaim } from "#controllers/claim/reconcile.ts";
import { Scheduler } from "#controllers/claim/scheduler.ts";
import { depsOf as depsOfClaims } from "#controllers/claim/world.ts";
import { inOrder } from "#controllers/machine/evidence.ts";
import { reconcile } from "#controllers/machine/reconcile.ts";
import { depsOf, type World } from "#controllers/machine/world.ts";
import type { ObjectCache } from "#kube/cache.ts";
import { kubeTime } from "#kube/conditions.ts";
import { FakeBmc } from "./bmc.ts";
import { FakeClock } from "./clock.ts";
import { type Call, FakeCluster } from "./cluster.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const NAMESPACE = "lab";
/** A namespace whose claims the zone lets in. */
export const TENANT = "shop";
const soon = (): AbortSignal => AbortSignal.timeout(5_000);

type Deps = ReturnType<typeof depsOf>;

/** Moved by hand: nothing happens between two calls of a test. */
export class Room {
  readonly clock = new FakeClock();
  readonly cluster = new FakeCluster({ clock: this.clock, onCall: (call) => this.onCall(call) });
  readonly bmcs = new Map<string, FakeBmc>();
  readonly events: string[] = [];
  /** How the operator comes to a BMC; a test may put a real pool in between. */
  lease: (key: BmcKey) => BmcDriver = ({ address }) => this.bmcs.get(address) ?? new FakeBmc();
  readonly #caches = newCaches();
  /** In how long each Machine, by key, is to be looked at again. */
  readonly rests = new Map<string, Duration | null>();
  #reign = new AbortController();
  #deps: Deps = this.#newDeps();
  #tenants = this.#newTenants();

  /** Sees each call of the API; see FakeCluster. */
  onCall: (call: Call) => void | Promise<void> = () => undefined;

  static async with<T extends Room>(
    this: new () => T,
    spec: Partial<MachineSpec> = {},
    bmc: ConstructorParameters<typeof FakeBmc>[0] = {},
  ): Promise<T> {
    const room = new this();
    await room.#furnish();
    await room.add("m1", spec, bmc);
    return room;
  }

  async #furnish(): Promise<void> {
    const { cluster } = this;
    const secret = {
      group: "",
      version: "v1",
      kind: "Secret",
      plural: "secrets",
      namespaced: true,
    };
    const data = { username: btoa("root"), password: btoa("secret") };
    await cluster.create(secret, { metadata: { name: "bmc", namespace: NAMESPACE }, data }, soon());
    const subnets = [{ name: "boot", cidr: "10.0.0.0/24", dhcp: "Server" }];
    const zone = { subnets, claimNamespaces: { names: [TENANT] } };
    await cluster.create(KINDS.zone, { metadata: { name: "a" }, spec: zone }, soon());
    const artifact = {
      architecture: "amd64",
      format: "raw",
      url: "http://images/os",
      digest: DIGEST,
    };
    const image = { artifacts: [{ ...artifact, compression: "none", sectorSize: 512 }] };
    const spec = { ...image, readiness: "PhoneHome" };
    await cluster.create(KINDS.osImage, { metadata: { name: "debian" }, spec }, soon());
  }

  /** Another machine; the first one's number is 1. */
  async add(
    name: string,
    spec: Partial<MachineSpec> = {},
    bmc: ConstructorParameters<typeof FakeBmc>[0] = {},
  ): Promise<void> {
    const number = this.bmcs.size + 1;
    const address = `redfish://10.9.0.${number}`;
    this.bmcs.set(address, new FakeBmc(bmc));
    const full = {
      zoneRef: { name: "a" },
      bmc: { address, credentialsRef: { name: "bmc" } },
      boot: { macAddresses: [`52:54:00:00:00:0${number}`], mode: "UEFI", method: "Auto" },
      mode: "Active",
      paused: false,
      protected: false,
      adoption: "Refuse",
      deletionPolicy: "Orphan",
      ...spec,
    };
    const metadata = { name, namespace: NAMESPACE };
    await this.cluster.create(KINDS.machine, { metadata, spec: full }, soon());
  }

  /** A new process: all that the operator remembered is gone. */
  restartOperator(): void {
    this.#deps = this.#newDeps();
    this.#tenants = this.#newTenants();
  }

  #newTenants() {
    const scheduler = new Scheduler(this.#caches, () => undefined, this.clock.monotonic);
    const { cluster: client, clock } = this;
    const events = {
      record: (_: unknown, __: unknown, { reason }: { reason: string }) =>
        void this.events.push(reason),
    };
    return {
      scheduler,
      deps: depsOfClaims({
        client,
        caches: this.#caches,
        scheduler,
        events,
        clock,
        fence: () => undefined,
      }),
    };
  }

  /** What the operator does for claims, once. */
  async #serveTenants(): Promise<void> {
    const { scheduler, deps } = this.#tenants;
    scheduler.pass();
    const keys = Array.from(this.#caches.claims.list(), ({ metadata }) => keyOf(metadata));
    await Promise.all(
      keys.map((key) => reconcileClaim(key, deps, soon()).catch(rethrowUnlessConflict)),
    );
  }

  #newDeps(): Deps {
    this.#reign.abort();
    this.#reign = new AbortController();
    const world: World = {
      client: this.cluster,
      caches: this.#caches,
      events: { record: (_, __, { reason }) => void this.events.push(reason) },
      clock: this.clock,
      random: () => 0.5,
      lease: (key) => this.lease(key),
      hash: (text) => `${text.length}`,
      enqueue: () => undefined,
    };
    return depsOf(world, this.#reign.signal);
  }

  /** Reconciles every machine until none has anything left to do at once. */
  async settle(): Promise<void> {
    for (let round = 0; round < 20; round++) {
      await this.#refresh();
      const before = this.cluster.writes.length;
      const effects = this.#effects();
      const keys = [...this.#caches.machines.list()].map(({ metadata }) => keyOf(metadata));
      await this.#serveTenants();
      await Promise.all(
        keys.map(async (key) => {
          const next = await reconcile(key, this.#deps, soon()).catch(rethrowUnlessConflict);
          this.rests.set(key, next?.after ?? null);
        }),
      );
      if (this.cluster.writes.length === before && this.#effects() === effects) return;
    }
    throw new Error("it does not come to rest");
  }

  #effects(): number {
    return [...this.bmcs.values()].reduce((sum, { trace }) => sum + trace.length, 0);
  }

  /** Time passes, then everything is looked at again. */
  async pass(time: Duration): Promise<void> {
    await this.clock.advance(time);
    await this.settle();
  }

  async #refresh(): Promise<void> {
    const { machines, tasks, zones, images, claims, namespaces } = this.#caches;
    await this.#fill(KINDS.machine, machines);
    await this.#fill(KINDS.machineTask, tasks);
    await this.#fill(KINDS.zone, zones);
    await this.#fill(KINDS.osImage, images);
    await this.#fill(KINDS.hardwareProfile, this.#caches.profiles);
    await this.#fill(KINDS.rack, this.#caches.racks);
    await this.#fill(KINDS.machineClaim, claims);
    await this.#fill(CORE.namespace, namespaces);
  }

  async #fill<T extends KubeObject>(resource: Resource, cache: ObjectCache<T>): Promise<void> {
    const { items, resourceVersion } = await this.cluster.list<T>(resource, {}, soon());
    const relist = cache.relist(resourceVersion);
    relist.page(items);
    relist.end();
  }

  /** The operator's writes by kind; the rack's part, and what the test made, is left out. */
  writesOfOperator(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { verb, resource, subresource } of this.cluster.writes) {
      const what = `${verb} ${resource}${subresource === undefined ? "" : `/${subresource}`}`;
      if (OPERATORS.has(what)) counts[what] = (counts[what] ?? 0) + 1;
    }
    return counts;
  }

  get bmc(): FakeBmc {
    return this.bmcs.get("redfish://10.9.0.1") ?? new FakeBmc();
  }

  async machine(name = "m1"): Promise<Machine> {
    const found = await this.cluster.get<Machine>(KINDS.machine, at(name), soon());
    if (found === null) throw new Error(`no Machine ${name}`);
    return found;
  }

  async condition(type: string, name = "m1"): Promise<string> {
    const { status } = await this.machine(name);
    const found = status?.conditions?.find((condition) => condition.type === type);
    return `${found?.status} ${found?.reason}`;
  }

  async edit(spec: object, name = "m1"): Promise<void> {
    await this.cluster.mergePatch(KINDS.machine, at(name), { spec }, {}, soon());
    await this.settle();
  }

  async tasks(): Promise<readonly MachineTask[]> {
    const { items } = await this.cluster.list<MachineTask>(KINDS.machineTask, {}, soon());
    return inOrder(items);
  }

  /** The rack reports of the newest task, as an agent would have it. */
  async report(status: Partial<MachineTaskStatus>): Promise<void> {
    const task = (await this.tasks()).at(-1);
    if (task === undefined) throw new Error("there is no task");
    const { namespace = "", name } = task.metadata;
    const ends = status.state === "Succeeded" || status.state === "Failed";
    const all = { ...status, ...(ends && { finishedAt: kubeTime(this.clock.now()) }) };
    const options = { subresource: "status" } as const;
    const ref = { namespace, name };
    await this.cluster.mergePatch(KINDS.machineTask, ref, { status: all }, options, soon());
    await this.settle();
  }

  /** The agent boots, looks around and tells. */
  async commission(outcome: "Blank" | "Data" = "Blank"): Promise<void> {
    const { metadata } = await this.machine();
    const ref = { namespace: NAMESPACE, name: metadata.name };
    if ((await this.cluster.get(KINDS.machineInventory, ref, soon())) === null) {
      const spec = inventory(metadata);
      await this.cluster.create(KINDS.machineInventory, { metadata: ref, spec }, soon());
    }
    await this.report({ state: "Succeeded", results: [{ disk: "DISK1", outcome }] });
  }

  /** The newest task is granted to an agent. */
  grant(): Promise<void> {
    const grant = { bootNonce: "n", rack: "r", agentKey: "k" };
    return this.report({ state: "Running", grant, startedAt: kubeTime(this.clock.now()) });
  }

  async secret(
    name: string,
    type: string,
    values: Record<string, string>,
    namespace = NAMESPACE,
  ): Promise<void> {
    const data = Object.fromEntries(Object.entries(values).map(([key, text]) => [key, btoa(text)]));
    const metadata = { name, namespace };
    await this.cluster.create(CORE.secret, { metadata, type, data }, soon());
  }

  /** The copies of user data in the zone's namespace. */
  async seeds(): Promise<readonly string[]> {
    const namespace = zoneNamespace("a");
    const { items } = await this.cluster.list(CORE.secret, { namespace }, soon());
    return items.map(({ metadata }) => metadata.name);
  }

  async delete(name = "m1"): Promise<void> {
    await this.cluster.delete(KINDS.machine, at(name), {}, soon());
    await this.settle();
  }

  async loseStatus(name = "m1"): Promise<void> {
    const { status } = await this.machine(name);
    const gone = Object.fromEntries(Object.keys(status ?? {}).map((key) => [key, null]));
    const options = { subresource: "status" } as const;
    const blank = { status: { ...gone, ...BLANK } };
    await this.cluster.mergePatch(KINDS.machine, at(name), blank, options, soon());
  }

  async loseRecord(name = "m1"): Promise<void> {
    await this.cluster.mergePatch(
      KINDS.machine,
      at(name),
      { metadata: { annotations: null } },
      {},
      soon(),
    );
  }

  async loseTasks(): Promise<void> {
    for (const { metadata } of await this.tasks()) {
      const ref = { namespace: NAMESPACE, name: metadata.name };
      await this.cluster.delete(KINDS.machineTask, ref, {}, soon());
    }
  }

  /** From applied to Deployed. */
  async deploy(): Promise<void> {
    await this.settle();
    await this.pass(seconds(3));
    await this.commission();
    await this.grant();
    await this.report({ state: "Written" });
    await this.report({ state: "Succeeded" });
  }
}

/** A status as the API server's defaults make it. */
const BLANK = { observedGeneration: -1, phase: "New" };

const OPERATORS: ReadonlySet<string> = new Set([
  "patch machines/status",
  "patch machines",
  "create machinetasks",
]);

const at = (name: string): { namespace: string; name: string } => ({ namespace: NAMESPACE, name });

export const deployDebian = {
  deploy: { imageRef: { name: "debian" }, method: "Disk" },
} as const satisfies Partial<MachineSpec>;

function rethrowUnlessConflict(error: unknown): void {
  if (!(error instanceof Error) || !("code" in error) || error.code !== 409) throw error;
}

const inventory = ({ name, uid }: { name: string; uid: string }): MachineInventorySpec => ({
  zone: "a",
  machineRef: { name, uid },
  collectedAt: "2026-01-01T00:00:00Z",
  architecture: "amd64",
  firmware: "UEFI",
  system: { uuid: "4c4c4544-0035-5810-8054-b3c04f4d4431", product: "Fake" },
  cpu: { threads: 4 },
  memory: { totalMiB: 16_384 },
  disks: [{ name: "sda", sizeBytes: 500 * 2 ** 30, remote: false, serial: "DISK1", blank: true }],
  nics: [{ name: "eth0", mac: "52:54:00:00:00:01", speedMbps: 10_000 }],
});
