/** The pool controller's outside world, made of caches and a client. */
import { KINDS, POOL_LABEL } from "#api/group.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { MachinePool } from "#api/machine-pool.ts";
import type { Clock } from "#base/clock.ts";
import { keyOf, type ObjectRef } from "#base/object.ts";
import type { Cache, CacheOptions } from "#kube/cache.ts";
import { isConflict, isNotFound, type KubeClient } from "#kube/client.ts";
import type { EventRecorder } from "#kube/events.ts";
import { statusWriter } from "#kube/status.ts";
import { controllerOf, ownerOf } from "./ownership.ts";
import type { PoolDeps } from "./reconcile.ts";

/** What the cache of MachineClaims must be asked for. */
export const POOL_CLAIM_INDEXES: NonNullable<CacheOptions<MachineClaim>["indexes"]> = {
  pool: (claim) => poolsOf(claim),
};

/** Keys of the pools that a claim is about: its owner's, and its label's. */
export function poolsOf(claim: MachineClaim): readonly string[] {
  const { namespace, labels } = claim.metadata;
  const owner = controllerOf(claim);
  const owned = owner?.kind === KINDS.machinePool.kind ? owner.name : undefined;
  const names = [owned, labels?.[POOL_LABEL]].filter((name) => name !== undefined);
  return [...new Set(names)].map((name) => keyOf(placeOf({ namespace }, name)));
}

export interface PoolWorld {
  readonly client: KubeClient;
  readonly pools: Cache<MachinePool>;
  /** With {@link POOL_CLAIM_INDEXES}. */
  readonly claims: Cache<MachineClaim>;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly hash: (text: string) => string;
  readonly free: PoolDeps["free"];
  /** Throws where another process may lead by now. */
  readonly fence: () => void;
}

export function poolDeps(world: PoolWorld): PoolDeps {
  const { client, pools, claims, events, clock, hash, free } = world;
  return {
    ...writes(world),
    now: () => clock.now(),
    hash,
    free,
    get: (key) => pools.get(key),
    claimsOf: ({ metadata }) => claims.by("pool", keyOf(metadata)),
    hasClaim: ({ metadata }, name) => claims.get(keyOf(placeOf(metadata, name))) !== undefined,
    event: (pool, event) => events.record(KINDS.machinePool, pool, event),
    isCurrent: async ({ metadata: { namespace, name, resourceVersion } }, signal) => {
      const where = { ...(namespace !== undefined && { namespace }) };
      const options = { ...where, fieldSelector: `metadata.name=${name}` };
      const { items } = await client.list<MachinePool>(KINDS.machinePool, options, signal);
      const [live] = items;
      const isSame = live?.metadata.resourceVersion === resourceVersion; // so it has the same UID
      return isSame && live.metadata.deletionTimestamp === undefined;
    },
    scale: async ({ metadata: { uid, resourceVersion, name, namespace } }, replicas, signal) => {
      const seen = { subresource: "scale", uid, resourceVersion } as const;
      const ref = placeOf({ namespace }, name);
      await client.mergePatch(KINDS.machinePool, ref, { spec: { replicas } }, seen, signal);
    },
    writeStatus: statusWriter({ client, resource: KINDS.machinePool, cache: pools }),
  };
}

type Writes = Pick<PoolDeps, "createClaim" | "deleteClaim" | "patchClaim">;

function writes({ client, claims, fence }: PoolWorld): Writes {
  const resource = KINDS.machineClaim;
  return {
    createClaim: async (pool, name, { labels, annotations, spec }, signal) => {
      const place = placeOf(pool.metadata, name);
      const metadata = { ...place, labels, annotations, ownerReferences: [ownerOf(pool)] };
      const made = await client.create<MachineClaim>(resource, { metadata, spec }, signal);
      if (made !== null) claims.observeWrite(made);
      return made !== null;
    },
    deleteClaim: async ({ metadata }, { name, ...seen }, signal) => {
      fence(); // it gives a machine back, to be erased
      try {
        await client.delete(resource, placeOf(metadata, name), seen, signal);
        return true;
      } catch (error) {
        if (isConflict(error)) return false;
        throw error;
      }
    },
    patchClaim: async ({ metadata }, patch, signal) => {
      const { name, uid, resourceVersion } = metadata;
      const ref = placeOf(metadata, name);
      fence(); // another image may be an order to erase, too
      try {
        const seen = { uid, resourceVersion };
        claims.observeWrite(
          await client.mergePatch<MachineClaim>(resource, ref, patch, seen, signal),
        );
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    },
  };
}

const placeOf = (
  { namespace }: { readonly namespace?: string | undefined },
  name: string,
): ObjectRef => ({
  ...(namespace !== undefined && { namespace }),
  name,
});
