import type { Clock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import type { KubeObject, Resource } from "#base/object.ts";
import { ApiError, isNotFound, type KubeClient } from "./client.ts";
import { kubeTime } from "./conditions.ts";
import { type Entry, EventBook } from "./event-book.ts";
import type { RuntimeMetrics } from "./metrics.ts";
import { KeyedQueue } from "./queue.ts";

export interface EventText {
  readonly type: "Normal" | "Warning";
  /** One word in CamelCase, from a closed set: people and alerts search by it. */
  readonly reason: string;
  /** A sentence for people. Never a secret. */
  readonly message: string;
}

/** Tells the story of an object in `kubectl describe`. Never blocks and never fails its caller. */
export interface EventRecorder {
  record(resource: Resource, object: KubeObject, event: EventText): void;
}

export interface RecorderOptions {
  readonly client: KubeClient;
  /** Who says so, e.g. "steelyard-operator". */
  readonly component: string;
  /** Which of them: the pod's name. */
  readonly instance: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: RuntimeMetrics;
}

/** core/v1: one object a story line, with a count; what kubectl and Argo CD show. */
export const EVENTS: Resource = {
  group: "",
  version: "v1",
  kind: "Event",
  plural: "events",
  namespaced: true,
};

interface Note {
  readonly entry: Entry;
  readonly name: string;
  readonly namespace: string;
  readonly about: object;
  readonly isWritten: boolean;
  readonly failures: number;
}

const MOST_UNSENT = 1_000;
const TRIES = 5;
const LAST_WORDS = seconds(2); // after the end, for what was not sent

/** Writes Events in the background, by {@link EventBook}'s rules. What cannot be sent is dropped. */
export class KubeEventRecorder implements EventRecorder {
  readonly #options: RecorderOptions;
  readonly #book = new EventBook();
  readonly #queue: KeyedQueue;
  /** By the entry's key. Holds what is to be sent, and the names of what was. */
  readonly #notes = new Map<string, Note>();
  readonly #unsent = new Set<string>();
  #serial = 0;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#queue = new KeyedQueue({ ...options, name: "events", firstDelay: seconds(1) });
  }

  record(resource: Resource, object: KubeObject, event: EventText): void {
    const { clock, metrics } = this.#options;
    const entry = this.#book.note(object.metadata.uid, event, clock.now());
    if (entry === null || (this.#unsent.size >= MOST_UNSENT && !this.#unsent.has(entry.key))) {
      metrics.eventDropped();
      return;
    }
    const before = this.#notes.get(entry.key);
    const goesOn = before !== undefined && before.entry.firstAt === entry.firstAt;
    const note = goesOn ? { ...before, entry } : this.#newNote(resource, object, entry);
    this.#remember(note);
    this.#unsent.add(entry.key);
    this.#queue.add(entry.key);
  }

  /** Sends until the signal comes, and then for two seconds more what is left. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#queue.run(2, (key) => this.#send(key, signal), signal);
    const last = AbortSignal.timeout(LAST_WORDS);
    for (const key of [...this.#unsent]) {
      if (last.aborted) return;
      await this.#send(key, last);
    }
  }

  #newNote(resource: Resource, { metadata }: KubeObject, entry: Entry): Note {
    const { group, version, kind } = resource;
    const { name, namespace, uid, resourceVersion } = metadata;
    const nanos = BigInt(Math.floor(entry.firstAt)) * 1_000_000n + BigInt(this.#serial++ % 1e6);
    return {
      entry,
      name: `${name.slice(0, 220)}.${nanos.toString(16)}`, // as client-go names them
      namespace: namespace ?? "default", // where those of cluster-scoped objects are looked for
      about: {
        apiVersion: group === "" ? version : `${group}/${version}`,
        kind,
        name,
        ...(namespace !== undefined && { namespace }),
        uid,
        resourceVersion,
      },
      isWritten: false,
      failures: 0,
    };
  }

  #remember(note: Note): void {
    this.#notes.delete(note.entry.key);
    this.#notes.set(note.entry.key, note);
    if (this.#notes.size <= 2 * MOST_UNSENT) return;
    for (const key of this.#notes.keys()) {
      if (this.#unsent.has(key)) continue;
      this.#notes.delete(key);
      return;
    }
  }

  async #send(key: string, signal: AbortSignal): Promise<void> {
    const note = this.#notes.get(key);
    if (note === undefined) return;
    this.#unsent.delete(key); // and back if it fails, or if it counts on meanwhile
    try {
      await this.#write(note, signal);
      const now = this.#notes.get(key);
      if (now?.name === note.name) this.#notes.set(key, { ...now, isWritten: true, failures: 0 });
    } catch (error) {
      this.#failed(note, error, signal);
    }
  }

  #failed(note: Note, error: unknown, signal: AbortSignal): void {
    const { log, metrics } = this.#options;
    const { key } = note.entry;
    const failures = note.failures + 1;
    const hopeless = failures >= TRIES || (error instanceof ApiError && isRefusal(error.code));
    if (hopeless && !signal.aborted) {
      log.warn({ err: error, about: note.about }, "an Event was dropped");
      metrics.eventDropped();
      return;
    }
    this.#notes.set(key, { ...(this.#notes.get(key) ?? note), failures });
    this.#unsent.add(key);
    this.#queue.addBackedOff(key, error instanceof ApiError ? error.retryAfter : null);
  }

  async #write(note: Note, signal: AbortSignal): Promise<void> {
    const { client } = this.#options;
    const { count, lastAt } = note.entry;
    if (note.isWritten) {
      const patch = { count, lastTimestamp: kubeTime(lastAt) };
      const { name, namespace } = note;
      try {
        await client.mergePatch(EVENTS, { name, namespace }, patch, {}, signal);
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error; // Events live for an hour
      }
    }
    await client.create(EVENTS, this.#draft(note), signal);
  }

  #draft({ entry, name, namespace, about }: Note) {
    const { component, instance } = this.#options;
    return {
      metadata: { name, namespace },
      involvedObject: about,
      ...entry.text,
      count: entry.count,
      firstTimestamp: kubeTime(entry.firstAt),
      lastTimestamp: kubeTime(entry.lastAt),
      source: { component },
      reportingComponent: component,
      reportingInstance: instance,
    };
  }
}

/** No use in asking again: refused, or the namespace is gone. */
const isRefusal = (code: number): boolean => code >= 400 && code < 500 && code !== 429;
