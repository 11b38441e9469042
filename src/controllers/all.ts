/** All controllers, in one place: what they watch, and what wakes them. */
import { CORE, KINDS, zoneNamespace } from "#api/group.ts";
import type { HardwareProfile } from "#api/hardware-profile.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { MachinePool } from "#api/machine-pool.ts";
import type { MachineTask } from "#api/machine-task.ts";
import type { OSImage } from "#api/os-image.ts";
import type { Rack } from "#api/rack.ts";
import type { Zone } from "#api/zone.ts";
import type { Clock } from "#base/clock.ts";
import { type Duration, seconds } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import { type KubeObject, keyOf, type Resource } from "#base/object.ts";
import type { BmcDriver } from "#bmc/driver.ts";
import { type Cache, ObjectCache } from "#kube/cache.ts";
import type { KubeClient } from "#kube/client.ts";
import { isTrue } from "#kube/conditions.ts";
import { Controller, type Source, specsOf, watching } from "#kube/controller.ts";
import type { EventRecorder } from "#kube/events.ts";
import { LEASES, type Lease, LeaseAges } from "#kube/lease.ts";
import type { RuntimeMetrics } from "#kube/metrics.ts";
import { Reflector } from "#kube/reflector.ts";
import { statusWriter } from "#kube/status.ts";
import { claimControllers } from "./claim/controllers.ts";
import { Deferral } from "./claim/deferral.ts";
import { exceptJustBound, ordersOf } from "./claim/news.ts";
import { CLAIM_INDEXES } from "./claim/world.ts";
import { reconcileProfile } from "./hardware-profile/reconcile.ts";
import type { BmcKey } from "./machine/bmc-access.ts";
import { keptOf } from "./machine/kept.ts";
import { reconcile } from "./machine/reconcile.ts";
import { type Caches, depsOf, MACHINE_INDEXES, TASK_INDEXES } from "./machine/world.ts";
import { reconcileImage } from "./os-image/reconcile.ts";
import { poolController } from "./pool/controller.ts";
import { POOL_CLAIM_INDEXES } from "./pool/world.ts";
import { furnisher, type ServiceAccount, type ZoneKeys } from "./zone/furnish.ts";
import { reconcileZone } from "./zone/reconcile.ts";

/** What a replica needs to lead. */
export interface Leading {
  readonly client: KubeClient;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** Milliseconds that never go back. */
  readonly monotonic: () => number;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: RuntimeMetrics;
  readonly lease: (key: BmcKey) => BmcDriver;
  readonly hash: (text: string) => string;
  /** Throws where another replica may lead by now: before what two leaders must not both do. */
  readonly fence: () => void;
  readonly makeZoneKeys: (zone: string) => Promise<ZoneKeys>;
  /** Who we are: bound in each zone's namespace to what we need there. */
  readonly operator: ServiceAccount;
  readonly workers: number;
}

const DEBOUNCE = seconds(5); // sums over many objects: what changes a thousand times is one write

/** A machine that was bound just now has its turn when the others of its time are bound as well. */
const AFTER_OTHERS = seconds(0.5);

interface AllCaches extends Caches {
  readonly machines: ObjectCache<Machine>;
  readonly tasks: ObjectCache<MachineTask>;
  readonly zones: ObjectCache<Zone>;
  readonly images: ObjectCache<OSImage>;
  readonly racks: ObjectCache<Rack>;
  readonly claims: ObjectCache<MachineClaim>;
  readonly pools: ObjectCache<MachinePool>;
  readonly profiles: ObjectCache<HardwareProfile>;
  /** For their labels: a Zone says by these whose claims it admits. */
  readonly namespaces: ObjectCache<KubeObject>;
}

/** Empty caches; {@link follow} fills them. A replica that waits to lead keeps them warm. */
export const newCaches = (): AllCaches => ({
  machines: new ObjectCache<Machine>({ indexes: MACHINE_INDEXES }),
  tasks: new ObjectCache<MachineTask>({ indexes: TASK_INDEXES, trim: keptOf }),
  zones: new ObjectCache<Zone>(),
  images: new ObjectCache<OSImage>(),
  racks: new ObjectCache<Rack>(),
  claims: new ObjectCache<MachineClaim>({ indexes: { ...CLAIM_INDEXES, ...POOL_CLAIM_INDEXES } }),
  pools: new ObjectCache<MachinePool>(),
  profiles: new ObjectCache<HardwareProfile>(),
  namespaces: new ObjectCache<KubeObject>(),
});

/** Whether it knows all that there is: it could lead now. */
export const areSynced = (caches: AllCaches): boolean =>
  Object.values(caches).every((cache: Pick<Cache<KubeObject>, "isSynced">) => cache.isSynced);

type Watching = Pick<Leading, "client" | "clock" | "random" | "log" | "metrics">;

/** Keeps the caches like the API server's state until the signal comes. */
export async function follow(
  caches: AllCaches,
  options: Watching,
  signal: AbortSignal,
): Promise<void> {
  const reflect = <T extends KubeObject>(resource: Resource, cache: ObjectCache<T>) =>
    new Reflector<T>({ ...options, resource, cache }).run(signal);
  await Promise.all([
    reflect(KINDS.machine, caches.machines),
    reflect(KINDS.machineTask, caches.tasks),
    reflect(KINDS.zone, caches.zones),
    reflect(KINDS.osImage, caches.images),
    reflect(KINDS.rack, caches.racks),
    reflect(KINDS.machineClaim, caches.claims),
    reflect(KINDS.machinePool, caches.pools),
    reflect(KINDS.hardwareProfile, caches.profiles),
    reflect(CORE.namespace, caches.namespaces),
  ]);
}

/** Runs all controllers until the signal comes: the part of a replica that only the leader does. */
export async function lead(
  caches: AllCaches,
  options: Leading,
  signal: AbortSignal,
): Promise<void> {
  const claims = claimControllers(caches, options);
  const controllers = [
    machines(caches, options, claims.isBinding, signal),
    ...claims.all,
    poolController(caches, options),
    zones(caches, options),
    images(caches, options),
    profiles(caches, options),
  ];
  await Promise.all(controllers.map((controller) => controller.run(signal)));
}

function machines(
  caches: AllCaches,
  options: Leading,
  isBinding: () => boolean,
  signal: AbortSignal,
): Controller {
  const byUid = (uid: string): string[] => caches.machines.by("uid", uid).map(keyOfMachine);
  const heldBy = ({ metadata }: MachineClaim): string[] =>
    caches.machines.by("claim", metadata.uid).map(keyOfMachine);
  const sharing = (machine: Machine): string[] =>
    (["mac", "bmc"] as const).flatMap((mark) =>
      (MACHINE_INDEXES[mark]?.(machine) ?? []).flatMap((value) =>
        caches.machines.by(mark, value).map(keyOfMachine),
      ),
    );
  const seen = exceptJustBound(caches.machines, caches.claims);
  const deferral = new Deferral(options.monotonic);
  const controller: Controller = new Controller({
    ...options,
    name: "machine",
    workers: options.workers,
    // An agent waits for its next task for a while only: a room that is enrolled must not come between.
    isUrgent: (key) => (caches.machines.get(key)?.status?.phase ?? "New") !== "New",
    sources: [
      watching(seen),
      // Who shares a MAC or a BMC with what changed is doubled by it, or is no longer.
      watching(seen, (machine) => sharing(machine)),
      watching(caches.tasks, ({ spec }) => byUid(spec.machineRef.uid)),
      // Its status counts its machines: that news is no news for them.
      watching(specsOf(caches.images), ({ metadata }) => [
        ...caches.machines.by("image", metadata.name).map(keyOfMachine),
        ...caches.claims.by("image", metadata.name).flatMap(heldBy),
      ]),
      watching(ordersOf(caches.claims), heldBy),
      watching(caches.profiles, ({ metadata }) =>
        [...caches.machines.list()]
          .filter((one) => one.spec.profileRef?.name === metadata.name && isHeldUp(one))
          .map(keyOfMachine),
      ),
      watching(caches.zones, ({ metadata }) =>
        caches.machines.by("zone", metadata.name).filter(isHeldUp).map(keyOfMachine),
      ),
    ],
    reconcile: async (key, signal) =>
      deferral.isDue(key, isBinding() && isJustBound(caches.machines.get(key)))
        ? { after: AFTER_OTHERS }
        : reconcile(key, deps, signal),
  });
  const enqueue = (machine: Machine): void => controller.enqueue(keyOfMachine(machine));
  const deps = depsOf({ ...options, caches, enqueue }, signal);
  return controller;
}

/** Others wait to be bound, which takes milliseconds; to boot it takes minutes. */
const isJustBound = (machine: Machine | undefined): boolean =>
  machine?.status?.phase === "Ready" && machine.status.claimRef !== undefined;

const keyOfMachine = ({ metadata }: Machine): string => keyOf(metadata);

const isHeldUp = ({ status }: Machine): boolean =>
  status?.conditions === undefined || isTrue(status.conditions, "Stalled");

function zones(caches: AllCaches, options: Leading): Controller {
  const { client, clock } = options;
  const deps = {
    now: () => clock.now(),
    get: (name: string) => caches.zones.get(name),
    machinesOf: (zone: string) => caches.machines.by("zone", zone),
    racksAlive: rackCounter(client, new LeaseAges(options.monotonic)),
    furnish: furnisher(client, options.makeZoneKeys, options.operator, options.monotonic),
    writeStatus: statusWriter({ client, resource: KINDS.zone, cache: caches.zones }),
  };
  return new Controller({
    ...options,
    name: "zone",
    workers: 1,
    sources: [
      watching(caches.zones),
      debounced(caches.machines, ({ spec }) => [spec.zoneRef.name]),
      debounced(caches.racks, ({ spec }) => [spec.zone]),
    ],
    reconcile: (key, signal) => reconcileZone(key, deps, signal),
  });
}

function rackCounter(client: KubeClient, ages: LeaseAges) {
  return async (zone: string, signal: AbortSignal): Promise<number> => {
    const namespace = zoneNamespace(zone);
    const { items } = await client.list<Lease>(LEASES, { namespace }, signal);
    return items.filter(
      (lease) => lease.metadata.name.startsWith("rack-") && !ages.isExpired(lease),
    ).length;
  };
}

function images(caches: AllCaches, options: Leading): Controller {
  const { client, clock, events } = options;
  const deps = {
    now: () => clock.now(),
    get: (name: string) => caches.images.get(name),
    racks: () => caches.racks.list(),
    machinesOf: (image: string) => caches.machines.by("image", image),
    event: (image: OSImage, event: Parameters<EventRecorder["record"]>[2]) =>
      events.record(KINDS.osImage, image, event),
    writeStatus: statusWriter({ client, resource: KINDS.osImage, cache: caches.images }),
  };
  return new Controller({
    ...options,
    name: "osimage",
    workers: 1,
    sources: [
      watching(caches.images),
      debounced(caches.machines, ({ spec, status }) =>
        [spec.deploy?.imageRef.name, status?.applied?.image].filter((name) => name !== undefined),
      ),
      debounced(caches.racks, () => [...caches.images.list()].map(({ metadata }) => metadata.name)),
    ],
    reconcile: (key, signal) => reconcileImage(key, deps, signal),
  });
}

function profiles(caches: AllCaches, options: Leading): Controller {
  const { client, clock } = options;
  const names = () => [...caches.profiles.list()].map(({ metadata }) => metadata.name);
  const deps = {
    now: () => clock.now(),
    get: (name: string) => caches.profiles.get(name),
    all: () => caches.profiles.list(),
    machines: () => caches.machines.list(),
    writeStatus: statusWriter({ client, resource: KINDS.hardwareProfile, cache: caches.profiles }),
  };
  return new Controller({
    ...options,
    name: "hardwareprofile",
    workers: 1,
    sources: [
      watching(caches.profiles),
      watching(specsOf(caches.profiles), names), // a machine may have another one from now on
      debounced(caches.machines, names),
    ],
    reconcile: (key, signal) => reconcileProfile(key, deps, signal),
  });
}

/** What an object is part of is looked at a while after it changed, once for all that changed. */
function debounced<T extends KubeObject>(
  cache: Cache<T>,
  toKeys: (object: T) => readonly string[],
): Source {
  const delay: Duration = DEBOUNCE;
  return {
    synced: (signal) => cache.synced(signal),
    start: (enqueue, signal) => {
      const end = cache.onChange((_, object, previous) => {
        const keys = [object, previous].flatMap((one) => (one === undefined ? [] : toKeys(one)));
        for (const key of new Set(keys)) enqueue(key, delay);
      });
      signal.addEventListener("abort", end, { once: true });
    },
  };
}
