/** The reconciler's outside world, made of caches and a client. */
import { KINDS, MACHINE_FINALIZER, RECORD_ANNOTATION } from "#api/group.ts";
import type { HardwareProfile } from "#api/hardware-profile.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { MachineInventory } from "#api/machine-inventory.ts";
import type { MachineTask } from "#api/machine-task.ts";
import type { OSImage } from "#api/os-image.ts";
import type { Rack } from "#api/rack.ts";
import type { Zone } from "#api/zone.ts";
import type { Clock } from "#base/clock.ts";
import { type Ipv4, parseCidr, toNumber } from "#base/ipv4.ts";
import { keyOf, type ObjectRef } from "#base/object.ts";
import type { BmcDriver } from "#bmc/driver.ts";
import { profileOf } from "#controllers/hardware-profile/reconcile.ts";
import { SecretReader } from "#controllers/secrets.ts";
import type { Cache, CacheOptions } from "#kube/cache.ts";
import {
  ApiError,
  type Draft,
  isConflict,
  isInvalid,
  isNotFound,
  type KubeClient,
} from "#kube/client.ts";
import { kubeTime } from "#kube/conditions.ts";
import type { EventRecorder } from "#kube/events.ts";
import { statusWriter, type WriteStatus } from "#kube/status.ts";
import { type BmcKey, openMachineBmc } from "./bmc-access.ts";
import type { Deps } from "./deps.ts";
import { MARKS } from "./duplicates.ts";
import { claimOf } from "./evidence.ts";
import { MachineMemory } from "./memory.ts";
import { ORDER_LABEL } from "./perform.ts";
import { copySeed, dropSeed, readUserData } from "./user-data.ts";

export interface Caches {
  readonly machines: Cache<Machine>;
  readonly tasks: Cache<MachineTask>;
  readonly zones: Cache<Zone>;
  readonly images: Cache<OSImage>;
  readonly racks: Cache<Rack>;
  readonly claims: Cache<MachineClaim>;
  readonly profiles: Cache<HardwareProfile>;
}

/** What the cache of Machines must be asked for. */
export const MACHINE_INDEXES: NonNullable<CacheOptions<Machine>["indexes"]> = {
  uid: ({ metadata }) => [metadata.uid],
  zone: ({ spec }) => [spec.zoneRef.name],
  image: ({ spec, status }) => [
    ...new Set(
      [spec.deploy?.imageRef.name, status?.applied?.image].filter((name) => name !== undefined),
    ),
  ],
  // Also where the status was lost: the record goes on saying who holds it.
  claim: (machine) => {
    const uid = claimOf(machine)?.uid;
    return uid === undefined ? [] : [uid];
  },
  releasing: (machine) => (isReleasing(machine) ? [machine.spec.zoneRef.name] : []),
  mac: MARKS.mac.of,
  bmc: MARKS.bmc.of,
  uuid: MARKS.uuid.of,
  address: MARKS.address.of,
};

/** Given back by who held it, though perhaps not yet so far that there is an Erase. */
const isReleasing = ({ status }: Machine): boolean =>
  status?.phase === "Releasing" &&
  (status.claimRef !== undefined || status.applied?.imageDigest !== undefined);

export const TASK_INDEXES: NonNullable<CacheOptions<MachineTask>["indexes"]> = {
  machine: ({ spec }) => [spec.machineRef.uid],
  released: ({ metadata, spec }) =>
    metadata.labels?.[ORDER_LABEL] === "Release" && spec.attempt === 1 ? [spec.zone] : [],
};

export interface World {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: () => number;
  readonly lease: (key: BmcKey) => BmcDriver;
  /** A short hash of a text. */
  readonly hash: (text: string) => string;
  readonly enqueue: (machine: Machine) => void;
}

/** What it remembers, and its listeners, end with the reign: the next one begins from nothing. */
export function depsOf(world: World, reign: AbortSignal): Deps {
  const { client, caches, clock, lease } = world;
  const secrets = new SecretReader(client, clock);
  return {
    ...views(world, reign),
    ...writes(world),
    openBmc: (machine, signal) => openMachineBmc(machine, secrets, lease, signal),
    inventory: async ({ metadata, spec }, signal) => {
      const kind = KINDS.machineInventory;
      const found = await client.get<MachineInventory>(kind, place(metadata), signal);
      return found?.spec.zone === spec.zoneRef.name ? found : null;
    },
    userData: (wanted, signal) => readUserData(wanted, secrets, world.hash, signal),
    writeStatus: tellingRefusals(
      statusWriter({ client, resource: KINDS.machine, cache: caches.machines }),
      world.events,
    ),
    copySeed: (machine, wanted, name, signal) =>
      copySeed(machine, wanted, name, { client, secrets }, signal),
    dropSeed: (zone, name, signal) => dropSeed(client, zone, name, signal),
  };
}

/** A status that breaks a rule is refused for ever, and where it is refused no condition can say so. */
const tellingRefusals =
  (write: WriteStatus<Machine>, events: EventRecorder): WriteStatus<Machine> =>
  async (machine, status, signal) => {
    try {
      return await write(machine, status, signal);
    } catch (error) {
      if (error instanceof ApiError && isInvalid(error)) {
        const message = `Nothing is done until the API server takes its status: ${error.message}`;
        events.record(KINDS.machine, machine, {
          ...{ type: "Warning", reason: "StatusRefused" },
          message: message.slice(0, 1_024),
        });
      }
      throw error;
    }
  };

const place = ({ namespace, name }: ObjectRef): ObjectRef => ({
  ...(namespace !== undefined && { namespace }),
  name,
});

type Views = Pick<
  Deps,
  | "clock"
  | "random"
  | "memory"
  | "get"
  | "fleet"
  | "profile"
  | "byUid"
  | "tasksOf"
  | "zone"
  | "image"
  | "claim"
  | "shared"
  | "releasedSince"
  | "addresses"
  | "enqueue"
  | "event"
>;

function views(world: World, reign: AbortSignal): Views {
  const { caches, clock, random, events, enqueue } = world;
  const { machines, tasks, zones, images, claims } = caches;
  const memory = new MachineMemory();
  const forgetting = machines.onChange((_, now, before) => {
    if (now === undefined && before !== undefined) memory.forget(before.metadata.uid);
  });
  reign.addEventListener("abort", forgetting, { once: true });
  return {
    clock,
    random,
    memory,
    get: (key) => machines.get(key),
    fleet: () => machines.size,
    profile: (machine) => profileOf(machine, caches.profiles.list()),
    byUid: (uid) => machines.by("uid", uid)[0],
    tasksOf: ({ metadata }) => tasks.by("machine", metadata.uid),
    zone: (name) => zones.get(name),
    image: (name) => images.get(name),
    claim: (ref) => claims.get(keyOf(ref)),
    shared: (mark, value) => machines.by(mark, value),
    releasedSince: (zone, since) => [
      ...machines
        .by("releasing", zone)
        .filter(({ status }) => Date.parse(status?.phaseSince ?? "") >= since)
        .map(({ metadata }) => metadata.uid),
      ...tasks
        .by("released", zone)
        .filter(({ metadata }) => Date.parse(metadata.creationTimestamp ?? "") >= since)
        .map(({ spec }) => spec.machineRef.uid),
    ],
    addresses: addressBook(caches, reign),
    enqueue,
    event: (machine, event) => events.record(KINDS.machine, machine, event),
  };
}

/** One book for all machines: what is written down, and what was promised a moment ago. */
function addressBook(
  { machines, racks }: Pick<Caches, "machines" | "racks">,
  reign: AbortSignal,
): Deps["addresses"] {
  const promised = new Map<string, string>();
  const highest = new Map<string, number>();
  const note = (address: string): void => {
    const n = toNumber(address as Ipv4);
    const net = networkOf(n);
    highest.set(net, Math.max(highest.get(net) ?? 0, n));
  };
  const noting = machines.onChange((_, machine, before) => {
    for (const { ip } of machine?.status?.addresses ?? []) note(ip);
    if (machine !== undefined) return;
    for (const { ip } of before?.status?.addresses ?? []) promised.delete(ip);
  });
  reign.addEventListener("abort", noting, { once: true });
  const isRacks = (address: Ipv4): boolean =>
    [...racks.list()].some(({ status }) => status?.addresses?.includes(address));
  return ({ metadata: { uid } }) => ({
    isTaken: (address) =>
      (promised.get(address) ?? uid) !== uid ||
      machines.by("address", address).some((other) => other.metadata.uid !== uid) ||
      isRacks(address), // last: it looks at each rack
    take: (address) => {
      promised.set(address, uid);
      note(address);
    },
    // Behind the highest that was given: most of what is before it is taken.
    start: (text) => {
      const cidr = parseCidr(text);
      if (cidr === null) return 0;
      const first = toNumber(cidr.base) + 1;
      const end = first + 2 ** (32 - cidr.bits);
      const inside = [...highest.values()].filter((n) => n >= first && n < end);
      return inside.length === 0 ? 0 : Math.max(...inside) - first + 1;
    },
  });
}

/** By blocks of 256 addresses, so that a few numbers say where networks are filled up to. */
const networkOf = (n: number): string => `${Math.floor(n / 256)}`;

type Writes = Pick<
  Deps,
  "createTask" | "endTask" | "deleteTask" | "writeRecord" | "releaseFinalizer"
>;

function writes({ client, caches, clock }: World): Writes {
  const { machines, tasks } = caches;
  return {
    createTask: async (name, spec, machine, labels, signal) => {
      const draft = taskDraft(name, machine, labels);
      const made = await client.create<MachineTask>(KINDS.machineTask, { ...draft, spec }, signal);
      if (made !== null) tasks.observeWrite(made);
      return made !== null;
    },
    endTask: async (task, state, message, signal) => {
      const { uid, resourceVersion } = task.metadata;
      const status = { state, message, finishedAt: kubeTime(clock.now()) };
      const options = { subresource: "status", uid, resourceVersion } as const;
      const ended = client.mergePatch<MachineTask>(
        KINDS.machineTask,
        place(task.metadata),
        { status },
        options,
        signal,
      );
      return unlessConflict(ended.then((written) => tasks.observeWrite(written)));
    },
    deleteTask: async ({ metadata }, signal) => {
      const { uid } = metadata;
      await client.delete(KINDS.machineTask, place(metadata), { uid }, signal);
    },
    writeRecord: async (machine, record, signal) => {
      const { finalizers = [] } = machine.metadata;
      const all = finalizers.includes(MACHINE_FINALIZER)
        ? finalizers
        : [...finalizers, MACHINE_FINALIZER];
      const metadata = { finalizers: all, annotations: { [RECORD_ANNOTATION]: record } };
      return patchMetadata(machine, metadata, signal);
    },
    releaseFinalizer: async (machine, signal) => {
      const { finalizers = [] } = machine.metadata;
      const rest = finalizers.filter((name) => name !== MACHINE_FINALIZER);
      await patchMetadata(machine, { finalizers: rest }, signal).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    },
  };

  async function patchMetadata(
    { metadata: { uid, resourceVersion, ...metadata } }: Machine,
    patch: object,
    signal: AbortSignal,
  ): Promise<Machine> {
    const written = await client.mergePatch<Machine>(
      KINDS.machine,
      place(metadata),
      { metadata: patch },
      { uid, resourceVersion },
      signal,
    );
    if (written.metadata.deletionTimestamp === undefined) machines.observeWrite(written);
    return written;
  }
}

/** A task belongs to its Machine: it goes with it. */
function taskDraft(name: string, { metadata }: Machine, labels: Readonly<Record<string, string>>) {
  const { namespace } = metadata;
  const { apiVersion, kind } = OWNER;
  const owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true };
  return {
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      labels,
      ownerReferences: [owner],
    },
  } satisfies Draft;
}

const OWNER = { apiVersion: `${KINDS.machine.group}/${KINDS.machine.version}`, kind: "Machine" };

async function unlessConflict(write: Promise<void>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (isConflict(error) || isNotFound(error)) return false;
    throw error;
  }
}
