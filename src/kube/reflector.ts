import { backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import { type Duration, seconds } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import type { KubeObject, Resource } from "#base/object.ts";
import { IdleLimit } from "./_idle.ts";
import { isOlder } from "./_version.ts";
import type { ObjectCache } from "./cache.ts";
import {
  ApiError,
  isGone,
  type KubeClient,
  noAnswer,
  type Selection,
  type WatchEvent,
} from "./client.ts";
import type { RuntimeMetrics } from "./metrics.ts";

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: KubeClient;
  readonly resource: Resource;
  /**
   * By namespace, label or zone. Never by state: an object that changes its state would look like a
   * deleted one.
   */
  readonly selection?: Selection;
  readonly cache: ObjectCache<T>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: RuntimeMetrics;
  readonly pageSize?: number;
  /**
   * A watch from which nothing comes for so long is given up: its connection may be half open. The
   * API server sends a bookmark about each minute, hence 90 s; not to kinds of which it has seen no
   * change since it was started, so this is no failure. To resume costs one request.
   */
  readonly idleLimit?: Duration;
}

const FIRST_DELAY = seconds(0.8); // as client-go's reflector
const LONGEST_DELAY = seconds(30);
const LIVELY = seconds(1); // a watch that ends before this, without an event, is a failure

/** Keeps a cache like the API server's state: paged list, then watch, for ever and over any failure. */
export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  #tries = 0;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
  }

  /** Resolves when the signal comes; a failure never ends it. */
  async run(signal: AbortSignal): Promise<void> {
    let relist = true;
    while (!signal.aborted) {
      try {
        if (relist) await this.#list(signal);
        relist = false;
        await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) return;
        relist ||= !isTransient(error);
        await this.#pause(error, relist, signal);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, resource, selection, cache, metrics, pageSize = 500 } = this.#options;
    metrics.relisted(resource.plural);
    const first = { ...selection, limit: pageSize };
    let page = await client.list<T>(resource, first, signal);
    const relist = cache.relist(page.resourceVersion); // that of all the pages
    relist.page(page.items);
    while (page.continue !== undefined) {
      page = await client.list<T>(resource, { ...first, continue: page.continue }, signal);
      relist.page(page.items);
    }
    relist.end();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, resource, selection, cache, clock, random } = this.#options;
    const start = clock.now();
    using idle = new IdleLimit(clock, this.#options.idleLimit ?? seconds(90));
    let events = 0;
    const options = {
      ...selection,
      resourceVersion: cache.progress,
      timeoutSeconds: Math.floor(240 + 240 * random()), // spread, as client-go does
      allowWatchBookmarks: true,
    };
    const either = AbortSignal.any([signal, idle.signal]);
    try {
      for await (const event of client.watch<T>(resource, options, either)) {
        idle.seen();
        take(event, cache);
        events++;
        this.#tries = 0;
      }
    } catch (error) {
      if (error !== idle.signal.reason) throw error;
      this.#options.log.debug({ resource: resource.plural }, "nothing came; the watch is resumed");
      return;
    }
    if (events === 0 && clock.now() - start < LIVELY) throw noAnswer("the watch ended at once");
    this.#tries = 0;
  }

  async #pause(error: unknown, relist: boolean, signal: AbortSignal): Promise<void> {
    const { clock, random, log, resource } = this.#options;
    const asked = error instanceof ApiError ? (error.retryAfter ?? 0) : 0;
    const grown = backoff(FIRST_DELAY, LONGEST_DELAY, this.#tries++, random());
    const delay = Math.max(asked, grown) as Duration;
    const level = isGone(error) ? "info" : "warn";
    log[level](
      { err: error, resource: resource.plural, relist, delayMs: Math.round(delay) },
      "the watch broke; it goes on after a pause",
    );
    await clock.sleep(delay, signal).catch(() => undefined);
  }
}

function take<T extends KubeObject>(event: WatchEvent<T>, cache: ObjectCache<T>): void {
  const version =
    event.type === "BOOKMARK" ? event.resourceVersion : event.object.metadata.resourceVersion;
  if (isOlder(version, cache.progress)) throw new Error("the API server went back in time");
  if (event.type === "BOOKMARK") cache.advanced(event.resourceVersion);
  else if (event.type === "DELETED") cache.deleted(event.object);
  else cache.changed(event.object);
}

/** Whether a watch may go on where it was. What we do not know is answered by a new list. */
function isTransient(error: unknown): boolean {
  return error instanceof ApiError && !isGone(error) && !TOO_LARGE.test(error.message);
}

const TOO_LARGE = /too large resource version/i; // etcd was restored: our version is of the future
