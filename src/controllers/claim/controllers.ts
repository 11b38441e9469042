/** What wakes claims, and the scheduler that sees all of them at once. */
import type { Machine } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { Clock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import { type KubeObject, keyOf } from "#base/object.ts";
import { isSame } from "#base/same.ts";
import { claimOf } from "#controllers/machine/evidence.ts";
import type { Cache } from "#kube/cache.ts";
import type { KubeClient } from "#kube/client.ts";
import { Controller, type Source, watching } from "#kube/controller.ts";
import type { EventRecorder } from "#kube/events.ts";
import type { RuntimeMetrics } from "#kube/metrics.ts";
import { reconcileClaim } from "./reconcile.ts";
import { Scheduler, type SchedulerCaches } from "./scheduler.ts";
import { depsOf } from "./world.ts";

interface Options {
  readonly client: KubeClient;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: RuntimeMetrics;
  readonly monotonic: () => number;
  readonly fence: () => void;
  readonly workers: number;
}

/** What comes within this time is seen by one pass. */
const DEBOUNCE = 5 as Duration;
/** A pass takes at most a quarter of the time: claims that wait in vain must not cost all the rest. */
const REST_FACTOR = 3;
/** News of one's place in the queue is no hurry. */
const LEISURE = 15_000 as Duration;
const ALL = "all";

export interface ClaimControllers {
  readonly all: readonly Controller[];
  /** Whether claims are being bound to machines at this moment. */
  readonly isBinding: () => boolean;
}

export function claimControllers(caches: SchedulerCaches, options: Options): ClaimControllers {
  const { monotonic } = options;
  const wake = (key: string, isNews: boolean): void =>
    claims.enqueue(key, isNews ? undefined : LEISURE);
  const scheduler = new Scheduler(caches, wake, monotonic);
  const deps = depsOf({ ...options, caches, scheduler });
  const claims = new Controller({
    ...options,
    name: "machineclaim",
    sources: [
      watching(caches.claims),
      watching(caches.machines, (machine) => concerned(machine, caches.claims)),
      watching(caches.images, ({ metadata }) =>
        caches.claims.by("image", metadata.name).map((claim) => keyOf(claim.metadata)),
      ),
    ],
    reconcile: async (key, signal) => {
      const result = await reconcileClaim(key, deps, signal);
      if (scheduler.hasTakenBack) placement.enqueue(ALL, DEBOUNCE);
      return result;
    },
  });

  let tired = 0;
  const placement = new Controller({
    ...options,
    name: "placement",
    workers: 1,
    sources: [
      whenever(caches.claims, (now, before) => mattersToQueue(now, before)),
      whenever(
        caches.machines,
        (now, before) => scheduler.isNeeded && mattersToPlacement(scheduler, now, before),
      ),
      whenever(caches.zones, (now, before) => !isSame(now?.spec, before?.spec)),
      whenever(
        caches.namespaces,
        (now, before) => !isSame(now?.metadata.labels, before?.metadata.labels),
      ),
      whenever(caches.profiles, (now, before) => !isSame(now?.spec, before?.spec)),
      whenever(caches.images, (now, before) => !isSame(now?.spec, before?.spec)),
    ],
    reconcile: async () => {
      const left = tired - monotonic();
      if (left > 0) return { after: left as Duration };
      const start = monotonic();
      scheduler.pass();
      tired = monotonic() + (monotonic() - start) * REST_FACTOR;
      return { after: null };
    },
  });
  return { all: [claims, placement], isBinding: () => scheduler.isBinding };
}

/** Claims that a Machine is about: who holds it, who held it, who wants to take it over. */
function concerned(machine: Machine, claims: Cache<MachineClaim>): readonly string[] {
  const key = keyOf(machine.metadata);
  const claimRef = claimOf(machine);
  return [
    ...(claimRef === undefined ? [] : [keyOf(claimRef)]),
    ...[...claims.by("machine", key), ...claims.by("adopts", key)].map(({ metadata }) =>
      keyOf(metadata),
    ),
  ];
}

type Matters<T> = (now: T | undefined, before: T | undefined) => boolean;

/** Another pass, a moment after what matters to it has changed. */
function whenever<T extends KubeObject>(cache: Cache<T>, matters: Matters<T>): Source {
  return {
    synced: (signal) => cache.synced(signal),
    start: (enqueue, signal) => {
      const end = cache.onChange((_, now, before) => {
        if (matters(now, before)) enqueue(ALL, DEBOUNCE);
      });
      signal.addEventListener("abort", end, { once: true });
    },
  };
}

/** What the queue goes by is in the metadata and the spec; who was served frees a place. */
function mattersToQueue(now: MachineClaim | undefined, before: MachineClaim | undefined): boolean {
  if (now === undefined || before === undefined) return true;
  return (
    now.metadata.generation !== before.metadata.generation ||
    now.status?.machineRef?.uid !== before.status?.machineRef?.uid ||
    !isSame(now.metadata.labels, before.metadata.labels)
  );
}

function mattersToPlacement(
  scheduler: Scheduler,
  now: Machine | undefined,
  before: Machine | undefined,
): boolean {
  if (now === undefined || before === undefined) return true;
  return !isSame(scheduler.candidate(now), scheduler.candidate(before));
}
