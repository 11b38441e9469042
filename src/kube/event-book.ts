import { minutes } from "#base/duration.ts";
import type { EventText } from "./events.ts";

/** One Event, as it should stand in the API. */
export interface Entry {
  readonly key: string;
  readonly text: EventText;
  readonly count: number;
  /** Milliseconds since the epoch. */
  readonly firstAt: number;
  readonly lastAt: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

const WINDOW = minutes(10); // what repeats within it is one Event with a count
const SIMILAR = 10; // so many messages of one reason in a window; those that follow become one Event
const BURST = 25; // Events about one object at once,
const REFILL = minutes(5); // and then one in so long
const LONGEST = 1_000; // characters of a message; API servers take 1 KB of what events.k8s.io names so
const MOST = 4_096; // objects and Events that are remembered; the eldest are forgotten

/**
 * Decides what becomes of an event that happened: a new Event, a higher count on one, or nothing,
 * by the same rules and figures as client-go's correlator.
 */
export class EventBook {
  readonly #entries = new Map<string, Entry>();
  readonly #similar = new Map<string, { firstAt: number; messages: Set<string> }>();
  readonly #buckets = new Map<string, Bucket>();

  /** Null: one too many about this object. `about` is its UID. */
  note(about: string, text: EventText, now: number): Entry | null {
    const known = this.#combined(about, text, now);
    const key = JSON.stringify([about, known.type, known.reason, known.message]);
    if (!this.#mayTell(about, now)) return null;
    const before = this.#entries.get(key);
    const goesOn = before !== undefined && now - before.lastAt < WINDOW;
    const entry: Entry = goesOn
      ? { ...before, count: before.count + 1, lastAt: now }
      : { key, text: known, count: 1, firstAt: now, lastAt: now };
    remember(this.#entries, key, entry);
    return entry;
  }

  /** Many messages of one reason, each a little different, are told as one. */
  #combined(about: string, { type, reason, message }: EventText, now: number): EventText {
    const key = JSON.stringify([about, type, reason]);
    const before = this.#similar.get(key);
    const goesOn = before !== undefined && now - before.firstAt < WINDOW;
    const similar = goesOn ? before : { firstAt: now, messages: new Set<string>() };
    const isMany = similar.messages.size >= SIMILAR && !similar.messages.has(message);
    if (!isMany) similar.messages.add(message);
    remember(this.#similar, key, similar);
    const told = isMany ? "(many similar events; see the object's conditions)" : message;
    return { type, reason, message: told.slice(0, LONGEST) };
  }

  #mayTell(about: string, now: number): boolean {
    const bucket = this.#buckets.get(about) ?? { tokens: BURST, at: now };
    bucket.tokens = Math.min(BURST, bucket.tokens + (now - bucket.at) / REFILL);
    bucket.at = now;
    remember(this.#buckets, about, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key); // to the end: a Map keeps the order in which keys came
  map.set(key, value);
  const eldest = map.keys().next();
  if (map.size > MOST && eldest.done === false) map.delete(eldest.value);
}
