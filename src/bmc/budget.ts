import type { Clock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";
import { Failure } from "#base/failure.ts";

export interface Limits {
  /** In the long run. */
  readonly requestsPerSecond: number;
  /** So many may follow each other at once; 1 keeps a gap between any two. */
  readonly burst: number;
}

/** Four a second in the long run; one exchange with a login fits in without waiting. */
export const USUAL: Limits = { requestsPerSecond: 4, burst: 8 };

/** A token bucket: how much may be asked of one BMC. For use by one at a time. */
export class Budget {
  #tokens: number;
  #filledAt: number;
  readonly #limits: Limits;
  readonly #clock: Clock;

  constructor(limits: Limits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#tokens = limits.burst;
    this.#filledAt = clock.now();
  }

  /** Waits for its turn. Rejects with BmcBusy when `signal` is spent first. */
  async take(signal: AbortSignal): Promise<void> {
    this.#fill();
    if (this.#tokens < 1) {
      const wait = ((1 - this.#tokens) / this.#limits.requestsPerSecond) * 1_000;
      await this.#clock.sleep(Math.ceil(wait) as Duration, signal).catch((cause: unknown) => {
        throw new Failure("BmcBusy", "no more requests are allowed for now", { cause });
      });
      this.#fill();
    }
    this.#tokens -= 1;
  }

  #fill(): void {
    const now = this.#clock.now();
    const gained = (Math.max(0, now - this.#filledAt) / 1_000) * this.#limits.requestsPerSecond;
    this.#tokens = Math.min(this.#limits.burst, this.#tokens + gained);
    this.#filledAt = now;
  }
}
