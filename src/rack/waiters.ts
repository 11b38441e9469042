import type { Clock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";

/** No new error each time, with its stack, that nobody looks at. */
const WOKEN = new Error("woken");

/** Those who wait for something to happen to a machine, by its uid. */
export class Waiters {
  readonly #waiting = new Map<string, Set<() => void>>();

  get size(): number {
    return this.#waiting.size;
  }

  wake(uid: string): void {
    for (const resolve of this.#waiting.get(uid) ?? []) resolve();
  }

  /** Resolves at the next {@link wake}, or after `time`; rejects when the signal comes. */
  async wait(uid: string, time: Duration, clock: Clock, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    const wake = (): void => woken.abort(WOKEN);
    const here = this.#waiting.get(uid) ?? new Set();
    this.#waiting.set(uid, here.add(wake));
    try {
      await clock.sleep(time, AbortSignal.any([signal, woken.signal]));
    } catch (error) {
      if (!woken.signal.aborted) throw error;
    } finally {
      here.delete(wake);
      if (here.size === 0 && this.#waiting.get(uid) === here) this.#waiting.delete(uid);
    }
  }
}
