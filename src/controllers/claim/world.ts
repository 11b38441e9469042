/** The outside world of claims, made of caches and a client. */
import { KINDS, RELEASE_FINALIZER } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import { type MachineClaim, providerID } from "#api/machine-claim.ts";
import type { Clock } from "#base/clock.ts";
import { keyOf, type ObjectRef } from "#base/object.ts";
import type { CacheOptions } from "#kube/cache.ts";
import { isNotFound, type KubeClient } from "#kube/client.ts";
import type { EventRecorder } from "#kube/events.ts";
import { statusWriter } from "#kube/status.ts";
import type { Deps } from "./deps.ts";
import { type Scheduler, type SchedulerCaches, WAITING } from "./scheduler.ts";

/** What the cache of claims must be asked for. */
export const CLAIM_INDEXES: NonNullable<CacheOptions<MachineClaim>["indexes"]> = {
  image: ({ spec }) => (spec.deploy === undefined ? [] : [spec.deploy.imageRef.name]),
  [WAITING]: ({ metadata, status }) =>
    metadata.deletionTimestamp === undefined && status?.machineRef === undefined ? [WAITING] : [],
  /** The Machine that it holds or held, by key. */
  machine: ({ status }) => (status?.machineRef === undefined ? [] : [keyOf(status.machineRef)]),
  /** The Machine that it wants to take over, by key. */
  adopts: ({ spec }) =>
    spec.adoptBound && spec.machineRef !== undefined ? [keyOf(spec.machineRef)] : [],
};

export interface World {
  readonly client: KubeClient;
  readonly caches: SchedulerCaches;
  readonly scheduler: Scheduler;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** Throws where another process may lead by now. */
  readonly fence: () => void;
}

export function depsOf({ client, caches, scheduler, events, clock, fence }: World): Deps {
  const { claims, machines, images } = caches;
  return {
    clock,
    scheduler,
    get: (key) => claims.get(key),
    machine: (ref) => machines.get(keyOf(ref)),
    heldBy: (uid) => machines.by("claim", uid),
    image: (name) => images.get(name),
    event: (claim, event) => events.record(KINDS.machineClaim, claim, event),
    liveClaim: async ({ namespace, name }, signal) => {
      const options = {
        ...(namespace !== undefined && { namespace }),
        fieldSelector: `metadata.name=${name}`,
      };
      const { items } = await client.list<MachineClaim>(KINDS.machineClaim, options, signal);
      return items[0] ?? null;
    },
    liveHeldBy: async (uid, signal) => {
      const fieldSelector = `status.claimRef.uid=${uid}`;
      const { items } = await client.list<Machine>(KINDS.machine, { fieldSelector }, signal);
      return items;
    },
    writeStatus: statusWriter({ client, resource: KINDS.machineClaim, cache: claims }),
    addFinalizer: async (claim, signal) => {
      const { finalizers = [] } = claim.metadata;
      const written = await patchFinalizers(claim, [...finalizers, RELEASE_FINALIZER], signal);
      claims.observeWrite(written);
      return written;
    },
    removeFinalizer: async (claim, signal) => {
      const rest = claim.metadata.finalizers?.filter((name) => name !== RELEASE_FINALIZER) ?? [];
      await patchFinalizers(claim, rest, signal).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    },
    bind: async (machine, { metadata }, epoch, signal) => {
      const { namespace = "", name, uid } = metadata;
      const claimRef = { namespace, name, uid };
      const status = { claimRef, providerID: providerID(uid), ...(epoch !== null && { epoch }) };
      await patchMachine(machine, status, signal);
    },
    unbind: (machine, signal) =>
      patchMachine(machine, { claimRef: null, providerID: null }, signal),
  };

  function patchFinalizers(
    { metadata }: MachineClaim,
    finalizers: readonly string[],
    signal: AbortSignal,
  ): Promise<MachineClaim> {
    const { uid, resourceVersion } = metadata;
    return client.mergePatch<MachineClaim>(
      KINDS.machineClaim,
      place(metadata),
      { metadata: { finalizers } },
      { uid, resourceVersion },
      signal,
    );
  }

  /** With the version that it was decided from: of two who bind the same Machine one is refused. */
  async function patchMachine(
    { metadata }: Machine,
    status: object,
    signal: AbortSignal,
  ): Promise<void> {
    const { uid, resourceVersion } = metadata;
    fence();
    const written = await client.mergePatch<Machine>(
      KINDS.machine,
      place(metadata),
      { status },
      { subresource: "status", uid, resourceVersion },
      signal,
    );
    machines.observeWrite(written);
  }
}

const place = ({ namespace, name }: ObjectRef): ObjectRef => ({
  ...(namespace !== undefined && { namespace }),
  name,
});
