/** What wakes pools. */
import type { MachineClaim } from "#api/machine-claim.ts";
import type { MachinePool } from "#api/machine-pool.ts";
import type { Clock } from "#base/clock.ts";
import { type Duration, seconds } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import { type KubeObject, keyOf } from "#base/object.ts";
import { isSame } from "#base/same.ts";
import type { Cache } from "#kube/cache.ts";
import type { KubeClient } from "#kube/client.ts";
import { Controller, type Source, watching } from "#kube/controller.ts";
import type { EventRecorder } from "#kube/events.ts";
import type { RuntimeMetrics } from "#kube/metrics.ts";
import { type FreeCaches, FreeMachines } from "./free.ts";
import { reconcilePool } from "./reconcile.ts";
import { poolDeps, poolsOf } from "./world.ts";

interface Caches extends FreeCaches {
  readonly pools: Cache<MachinePool>;
  readonly claims: Cache<MachineClaim>;
}

interface Options {
  readonly client: KubeClient;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: RuntimeMetrics;
  readonly hash: (text: string) => string;
  readonly fence: () => void;
}

const WORKERS = 4;
/** A pool of a thousand claims that are deployed counts them once a second. */
const CLAIMS = seconds(1);
const MACHINES = seconds(10);
/** No key of a pool: all of them count the machines that are free for them anew. */
const ALL = "all";

export function poolController(caches: Caches, options: Options): Controller {
  const machines = new FreeMachines(caches);
  const deps = poolDeps({ ...options, ...caches, free: (pool) => machines.count(pool) });
  const controller: Controller = new Controller({
    ...options,
    name: "machinepool",
    workers: WORKERS,
    sources: [
      watching(caches.pools),
      later(caches.claims, CLAIMS, (now, before) =>
        [now, before].flatMap((claim) => (claim === undefined ? [] : poolsOf(claim))),
      ),
      later(caches.machines, MACHINES, (now, before) =>
        caches.pools.size > 0 && machines.matters(now, before) ? [ALL] : [],
      ),
      later(caches.profiles, MACHINES, (now, before) =>
        caches.pools.size > 0 && !isSame(now?.spec, before?.spec) ? [ALL] : [],
      ),
    ],
    reconcile: async (key, signal) => {
      if (key !== ALL) return reconcilePool(key, deps, signal);
      for (const { metadata } of caches.pools.list()) controller.enqueue(keyOf(metadata));
      return { after: null };
    },
  });
  return controller;
}

type KeysOf<T> = (now: T | undefined, before: T | undefined) => readonly string[];

/** Keys a while after a change, once for all that changed meanwhile. */
function later<T extends KubeObject>(cache: Cache<T>, delay: Duration, keysOf: KeysOf<T>): Source {
  return {
    synced: (signal) => cache.synced(signal),
    start: (enqueue, signal) => {
      const end = cache.onChange((_, now, before) => {
        for (const key of new Set(keysOf(now, before))) enqueue(key, delay);
      });
      signal.addEventListener("abort", end, { once: true });
    },
  };
}
