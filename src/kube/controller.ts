import type { Clock } from "#base/clock.ts";
import { type Duration, seconds } from "#base/duration.ts";
import { Failure } from "#base/failure.ts";
import type { Log } from "#base/log.ts";
import type { KubeObject } from "#base/object.ts";
import type { Cache } from "./cache.ts";
import { ApiError } from "./client.ts";
import { NotLeader } from "./leader.ts";
import type { ReconcileResult, RuntimeMetrics } from "./metrics.ts";
import { KeyedQueue } from "./queue.ts";

/** When to look again; `null` leaves it to the next watch event. */
export interface Requeue {
  readonly after: Duration | null;
}

/**
 * Brings what the key names one step nearer to what is wanted. Level, not edge: which event woke it
 * is not said. Whatever it throws is logged, counted and tried again with growing delays.
 */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<Requeue>;

/** Where keys come from. Made by {@link watching}; a timer or a push channel can be one as well. */
export interface Source {
  /** Resolves when what there is has been seen: no key is worked on before. */
  synced(signal: AbortSignal): Promise<void>;
  /** Calls `enqueue` for each key that wants a look, until the signal comes. */
  start(enqueue: (key: string, after?: Duration) => void, signal: AbortSignal): void;
}

/**
 * Keys from the changes of a cache: its own, or by `toKeys` those that an object is about (its
 * owner, say). An object that changed from one owner to another wakes both.
 */
export function watching<T extends KubeObject>(
  cache: Pick<Cache<T>, "synced" | "onChange">,
  toKeys?: (object: T, key: string) => readonly string[],
): Source {
  return {
    synced: (signal) => cache.synced(signal),
    start: (enqueue, signal) => {
      const end = cache.onChange((key, object, previous) => {
        if (toKeys === undefined) return enqueue(key);
        const keys = [object, previous].flatMap((o) => (o === undefined ? [] : toKeys(o, key)));
        for (const each of new Set(keys)) enqueue(each);
      });
      signal.addEventListener("abort", end, { once: true });
    },
  };
}

/**
 * A cache as seen by who goes by its objects' specs alone: a change that leaves the generation as it
 * was, of a status or a label, is not told.
 */
export function specsOf<T extends KubeObject>(
  cache: Pick<Cache<T>, "synced" | "onChange">,
): Pick<Cache<T>, "synced" | "onChange"> {
  return {
    synced: (signal) => cache.synced(signal),
    onChange: (listener) =>
      cache.onChange((key, object, previous) => {
        const before = previous?.metadata.generation;
        if (before !== undefined && before === object?.metadata.generation) return;
        listener(key, object, previous);
      }),
  };
}

export interface ControllerOptions {
  /** The label of its metrics and log lines: the resource, mostly. */
  readonly name: string;
  readonly sources: readonly Source[];
  readonly reconcile: Reconcile;
  readonly workers: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: RuntimeMetrics;
  /** A run that takes longer is aborted. Default 2 min: nothing waits, so all is one exchange each. */
  readonly timeout?: Duration;
  /** Whose turn comes before the others'. */
  readonly isUrgent?: (key: string) => boolean;
}

/** Events → keys → one run at a time a key, `workers` at once. */
export class Controller {
  readonly #options: ControllerOptions;
  #queue: KeyedQueue;
  #active = 0;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#queue = new KeyedQueue(options);
  }

  /** From outside the sources, e.g. when a debounce is over. */
  enqueue(key: string, after?: Duration): void {
    if (after === undefined) this.#queue.add(key);
    else this.#queue.addAfter(key, after);
  }

  /**
   * Resolves when the signal has come and the runs under way have ended. They get the signal too.
   * May be run again afterwards, as a leader is who was one before: then it begins from nothing.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { sources, workers, metrics, name } = this.#options;
    metrics.workers(name, workers);
    try {
      await Promise.all(sources.map((source) => source.synced(signal)));
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    for (const source of sources) source.start((key, after) => this.enqueue(key, after), signal);
    try {
      await this.#queue.run(workers, (key) => this.#reconcile(key, signal), signal);
    } finally {
      this.#queue = new KeyedQueue(this.#options);
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const { name, clock, metrics } = this.#options;
    const start = clock.now();
    metrics.activeWorkers(name, ++this.#active);
    const result = await this.#once(key, signal);
    metrics.activeWorkers(name, --this.#active);
    metrics.reconciled(name, result, (clock.now() - start) as Duration);
  }

  async #once(key: string, signal: AbortSignal): Promise<ReconcileResult> {
    const { reconcile, clock, timeout = seconds(120) } = this.#options;
    const end = new AbortController();
    const late = new AbortController();
    clock.sleep(timeout, end.signal).then(
      () => late.abort(new Error(`took longer than ${timeout / 1_000} s`)),
      () => undefined,
    );
    try {
      const { after } = await reconcile(key, AbortSignal.any([signal, late.signal]));
      this.#queue.forget(key);
      if (after === null) return "success";
      this.#queue.addAfter(key, after);
      return "requeue_after";
    } catch (error) {
      if (!signal.aborted) this.#failed(key, error);
      return "error";
    } finally {
      end.abort();
    }
  }

  #failed(key: string, error: unknown): void {
    const { log, name } = this.#options;
    const asked = error instanceof ApiError ? error.retryAfter : null;
    this.#queue.addBackedOff(key, asked);
    // An old view and a lost lead are the course of things; whatever else comes here is a bug.
    const expected = error instanceof ApiError || isLostLead(error);
    const level = expected ? (isOldView(error) ? "debug" : "warn") : "error";
    log[level](
      { err: error, controller: name, key },
      "the reconcile failed; it will be tried again",
    );
  }
}

const isLostLead = (error: unknown): boolean =>
  error instanceof NotLeader || (error instanceof Failure && error.reason === "NotLeader");

const isOldView = (error: unknown): boolean => error instanceof ApiError && error.code === 409;
