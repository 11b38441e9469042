import type { Clock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";

interface Sleeper {
  readonly due: number;
  readonly wake: () => void;
}

/** Time that stands still until the test moves it. */
export class FakeClock implements Clock {
  #now: number;
  #sleepers: Sleeper[] = [];

  constructor(start = Date.parse("2026-01-01T00:00:00Z")) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  /** The same time for those who ask for one that never goes back. */
  readonly monotonic = (): number => this.#now;

  /** How many wait: to see that somebody has gone to sleep. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  sleep(time: Duration, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const stop = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(signal.reason);
      };
      const wake = (): void => {
        signal.removeEventListener("abort", stop);
        resolve();
      };
      const sleeper = { due: this.#now + time, wake };
      this.#sleepers.push(sleeper);
      signal.addEventListener("abort", stop, { once: true });
    });
  }

  /** Lets `time` pass, waking each sleeper at its moment and letting what follows run. */
  async advance(time: Duration): Promise<void> {
    const end = this.#now + time;
    await settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = Math.max(this.#now, next.due);
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      next.wake();
      await settle();
    }
    this.#now = end;
    await settle();
  }

  #next(end: number): Sleeper | undefined {
    return this.#sleepers
      .filter(({ due }) => due <= end)
      .sort((a, b) => a.due - b.due)
      .at(0);
  }
}

/** Until what is due by now has run: promises, and what they start, without any time passing. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}
