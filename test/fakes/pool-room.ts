/** A pool's reconciler over an API server in memory, and a binder of claims that is moved by hand. */
import { createHash } from "node:crypto";
import { KINDS, RELEASE_FINALIZER } from "#api/group.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { MachinePool, MachinePoolSpec } from "#api/machine-pool.ts";
import type { KubeObject } from "#base/object.ts";
import { type PoolDeps, reconcilePool } from "#controllers/pool/reconcile.ts";
import { POOL_CLAIM_INDEXES, poolDeps } from "#controllers/pool/world.ts";
import { ObjectCache } from "#kube/cache.ts";
import type { ObjectList } from "#kube/client.ts";
import { standing } from "#kube/conditions.ts";
import { FakeClock } from "./clock.ts";
import { type Call, type ClusterOptions, FakeCluster } from "./cluster.ts";

const NAMESPACE = "team";
const soon = (): AbortSignal => AbortSignal.timeout(5_000);
const at = (name: string): { namespace: string; name: string } => ({ namespace: NAMESPACE, name });

export const template = (image = "debian") => ({
  spec: {
    adoptBound: false,
    priority: 0,
    updateStrategy: "OnDelete" as const,
    protected: false,
    deploy: { imageRef: { name: image }, method: "Disk" as const },
  },
});

export class PoolRoom {
  readonly clock = new FakeClock();
  readonly cluster: FakeCluster;
  readonly events: string[] = [];
  #caches = newCaches();
  #deps: PoolDeps;
  /** Sees each call: throws to refuse it. */
  onCall: (call: Call) => void = () => undefined;
  /** Throws where this operator does not lead any more. */
  fence: () => void = () => undefined;
  /** Images that no machine can run. */
  readonly unlucky = new Set<string>();

  constructor(options: ClusterOptions = {}) {
    const onCall = (call: Call): void => this.onCall(call);
    this.cluster = new FakeCluster({ clock: this.clock, onCall, ...options });
    this.#deps = this.#newDeps();
  }

  static async with(spec: Partial<MachinePoolSpec>, options?: ClusterOptions): Promise<PoolRoom> {
    const room = new PoolRoom(options);
    await room.makePool(spec);
    return room;
  }

  async makePool(spec: Partial<MachinePoolSpec>): Promise<void> {
    const full = { deletePolicy: "Newest", protected: false, template: template(), ...spec };
    await this.cluster.create(KINDS.machinePool, { metadata: at("web"), spec: full }, soon());
  }

  #newDeps(): PoolDeps {
    return poolDeps({
      client: this.cluster,
      ...this.#caches,
      events: {
        record: (_, __, { reason, message }) => void this.events.push(`${reason} ${message}`),
      },
      clock: this.clock,
      hash: (text) => createHash("sha256").update(text).digest("hex"),
      free: () => undefined,
      fence: () => this.fence(),
    });
  }

  /** What there is now, for {@link show}. */
  async view(): Promise<View> {
    const pools = await this.cluster.list<MachinePool>(KINDS.machinePool, {}, soon());
    const claims = await this.cluster.list<MachineClaim>(KINDS.machineClaim, {}, soon());
    return { pools, claims };
  }

  /** Another operator takes over, with this view. */
  show({ pools, claims }: View): void {
    this.#caches = newCaches();
    fill(this.#caches.pools, pools);
    fill(this.#caches.claims, claims);
    this.#deps = this.#newDeps();
  }

  /** The caches catch up. */
  async look(): Promise<void> {
    const { pools, claims } = await this.view();
    fill(this.#caches.pools, pools);
    fill(this.#caches.claims, claims);
  }

  /** One reconcile, from the view as it is; what the API server refused as outdated is let be. */
  async reconcile(): Promise<void> {
    await reconcilePool(`${NAMESPACE}/web`, this.#deps, soon()).catch((error: unknown) => {
      if (!(error instanceof Error) || !("code" in error) || error.code !== 409) throw error;
    });
  }

  /** Until nothing more is written. */
  async settle(): Promise<void> {
    for (let round = 0; round < 50; round++) {
      const before = this.cluster.writes.length;
      await this.look();
      await this.reconcile();
      if (this.cluster.writes.length === before) return;
    }
    throw new Error("it does not come to rest");
  }

  async claims(): Promise<readonly MachineClaim[]> {
    const { items } = await this.cluster.list<MachineClaim>(KINDS.machineClaim, {}, soon());
    return items;
  }

  /** Ordinals of the claims that stay. */
  async ordinals(): Promise<readonly number[]> {
    const live = (await this.claims()).filter(({ metadata }) => !metadata.deletionTimestamp);
    return live.map(({ metadata }) => Number(metadata.name.split("-").at(-1))).toSorted();
  }

  async pool(): Promise<MachinePool> {
    const found = await this.cluster.get<MachinePool>(KINDS.machinePool, at("web"), soon());
    if (found === null) throw new Error("there is no pool");
    return found;
  }

  /** `True AllReady`. */
  async condition(type: string): Promise<string> {
    const { status } = await this.pool();
    const found = status?.conditions?.find((one) => one.type === type);
    return `${found?.status} ${found?.reason}`;
  }

  async edit(spec: object): Promise<void> {
    await this.cluster.mergePatch(KINDS.machinePool, at("web"), { spec }, {}, soon());
  }

  async patchClaim(name: string, patch: object): Promise<void> {
    await this.cluster.mergePatch(KINDS.machineClaim, at(name), patch, {}, soon());
  }

  async makeClaim(name: string, metadata: object, spec: object = template().spec): Promise<void> {
    const all = { ...at(name), ...metadata };
    await this.cluster.create(KINDS.machineClaim, { metadata: all, spec }, soon());
  }

  /** All claims get a machine, and become Ready; but for the unlucky, who fail. */
  async bind(): Promise<void> {
    for (const claim of await this.claims()) {
      if (claim.metadata.deletionTimestamp === undefined) await this.#bind(claim);
    }
  }

  async #bind({ metadata, spec }: MachineClaim): Promise<void> {
    const { name, generation = 0 } = metadata;
    const fails = this.unlucky.has(spec.deploy?.imageRef.name ?? "");
    await this.patchClaim(name, { metadata: { finalizers: [RELEASE_FINALIZER] } });
    const wishes = fails
      ? standing({ stalled: true, reason: "TaskFailed", message: "The disk is dead." })
      : [...standing({ ready: true, reason: "Bound", message: "It runs." }), UP_TO_DATE];
    const conditions = wishes.map((wish) => ({
      ...wish,
      lastTransitionTime: "2026-01-01T00:00:00Z",
    }));
    const machineRef = { namespace: "lab", name: `m-${name}`, uid: `m-${name}`, zone: "a" };
    const status = { observedGeneration: generation, machineRef, conditions };
    const options = { subresource: "status" } as const;
    await this.cluster.mergePatch(KINDS.machineClaim, at(name), { status }, options, soon());
  }

  /** Claims that are going away give their machines back, and are gone. */
  async release(): Promise<void> {
    for (const { metadata } of await this.claims()) {
      if (metadata.deletionTimestamp === undefined) continue;
      await this.patchClaim(metadata.name, { metadata: { finalizers: null } });
    }
  }
}

const UP_TO_DATE = { type: "UpToDate", status: "True", reason: "UpToDate", message: "" } as const;

interface View {
  readonly pools: ObjectList<MachinePool>;
  readonly claims: ObjectList<MachineClaim>;
}

function fill<T extends KubeObject>(cache: ObjectCache<T>, list: ObjectList<T>): void {
  const relist = cache.relist(list.resourceVersion);
  relist.page(list.items);
  relist.end();
}

const newCaches = () => ({
  pools: new ObjectCache<MachinePool>(),
  claims: new ObjectCache<MachineClaim>({ indexes: POOL_CLAIM_INDEXES }),
});
