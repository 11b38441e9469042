import type { Duration } from "#base/duration.ts";
import { seconds } from "#base/duration.ts";
import type { BmcSeen } from "./gather.ts";

/** How long what a BMC said is good for. Whatever changes a machine asks again before it does. */
export const VIEW_AGE = seconds(20);
/** After a start a BMC may go on reporting for so long what was before. */
export const START_SETTLE = seconds(8);
/** After a power-off it is soon asked: whether it is off is what everything waits for. */
export const STOP_SETTLE = seconds(2);
/** A stranger's identity is known so long, and nobody else's, before it is touched. */
export const STRANGER_SETTLE = seconds(2);

/** An answer of a BMC, and the version of the Secret that it was asked with. */
export interface Look {
  readonly seen: BmcSeen;
  readonly credentialsVersion: string | null;
}

interface View extends Look {
  readonly at: number;
}

/**
 * What the operator remembers of a machine between two looks. All of it may be lost: then it looks
 * again. Machines are named by UID.
 */
export class MachineMemory {
  readonly #views = new Map<string, View>();
  readonly #offSince = new Map<string, number>();
  readonly #settled = new Map<string, number>();
  readonly #met = new Map<string, number>();
  readonly #uuids = new Map<string, string>();
  readonly #bearers = new Map<string, Set<string>>();
  readonly #known = new Set<string>();
  readonly #failures = new Map<string, { readonly reason: string; readonly count: number }>();
  readonly #releases = new Map<string, Map<string, number>>();

  /** Whether it is met for the first time. */
  meets(uid: string): boolean {
    const isNew = !this.#known.has(uid);
    this.#known.add(uid);
    return isNew;
  }

  /** What the BMC said lately, or null: ask it. */
  view(uid: string, now: number, age: Duration = VIEW_AGE): Look | null {
    const view = this.#views.get(uid);
    return view === undefined || now - view.at > age ? null : view;
  }

  saw(uid: string, look: Look, now: number): void {
    this.#views.set(uid, { ...look, at: now });
    if (!("observation" in look.seen)) return;
    if (look.seen.observation.power !== "off") this.#offSince.delete(uid);
    else if (!this.#offSince.has(uid)) this.#offSince.set(uid, now);
  }

  /** Since when each look at it found it off, and nobody told it anything; null: the last did not. */
  offSince(uid: string): number | null {
    return this.#offSince.get(uid) ?? null;
  }

  /** The machine was told to do something: what was seen before is history. */
  commanded(uid: string, now: number, settle: Duration): void {
    this.#views.delete(uid);
    this.#offSince.delete(uid);
    this.#settled.set(uid, now + settle);
  }

  /** How long the BMC may not have caught up with our last command yet; 0: it has. */
  settlesIn(uid: string, now: number): Duration {
    return Math.max(0, (this.#settled.get(uid) ?? now) - now) as Duration;
  }

  /** Whether a stranger has been known for long enough that a double would have shown up. */
  isAcquainted(uid: string, now: number): boolean {
    const since = this.#met.get(uid) ?? now;
    this.#met.set(uid, since);
    return now - since >= STRANGER_SETTLE;
  }

  /**
   * Notes which system UUID this machine's BMC reports. `others` report the same; `woken` have to be
   * looked at because this is news: they gained a double, or lost one.
   */
  bears(uid: string, systemUuid: string): { others: readonly string[]; woken: readonly string[] } {
    const before = this.#uuids.get(uid);
    const bearers = this.#bearers.get(systemUuid) ?? new Set<string>();
    const others = [...bearers].filter((one) => one !== uid);
    if (before === systemUuid) return { others, woken: [] };
    const left = this.#unbear(uid);
    this.#uuids.set(uid, systemUuid);
    this.#bearers.set(systemUuid, bearers.add(uid));
    return { others, woken: [...others, ...left] };
  }

  #unbear(uid: string): readonly string[] {
    const uuid = this.#uuids.get(uid);
    const bearers = uuid === undefined ? undefined : this.#bearers.get(uuid);
    bearers?.delete(uid);
    if (uuid !== undefined && bearers?.size === 0) this.#bearers.delete(uuid);
    this.#uuids.delete(uid);
    return [...(bearers ?? [])];
  }

  /** Counts failures of one reason in a row, for a growing delay; `null` starts anew. */
  failed(uid: string, reason: string | null): number {
    const before = this.#failures.get(uid);
    if (reason === null) {
      this.#failures.delete(uid);
      return 0;
    }
    const count = before?.reason === reason ? before.count + 1 : 1;
    this.#failures.set(uid, { reason, count });
    return count;
  }

  /** A release was planned, so that two at once do not both take the last place of the hour. */
  released(zone: string, uid: string, now: number): void {
    const zoned = this.#releases.get(zone) ?? new Map<string, number>();
    this.#releases.set(zone, zoned.set(uid, now));
  }

  /** Other machines of the zone whose release was planned since then. */
  releasesSince(zone: string, since: number): ReadonlySet<string> {
    const zoned = this.#releases.get(zone) ?? new Map<string, number>();
    for (const [uid, at] of zoned) if (at < since) zoned.delete(uid);
    return new Set(zoned.keys());
  }

  forget(uid: string): void {
    for (const map of [
      this.#known,
      this.#views,
      this.#settled,
      this.#met,
      this.#failures,
      this.#offSince,
    ])
      map.delete(uid);
    this.#unbear(uid);
  }
}
