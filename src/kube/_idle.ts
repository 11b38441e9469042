import type { Clock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";
import { noAnswer } from "./client.ts";

/** Aborts `signal` when nothing was seen for `limit`. Stop it by `using`. */
export class IdleLimit implements Disposable {
  readonly #clock: Clock;
  readonly #limit: Duration;
  readonly #idle = new AbortController();
  readonly #end = new AbortController();
  #seenAt: number;

  constructor(clock: Clock, limit: Duration) {
    this.#clock = clock;
    this.#limit = limit;
    this.#seenAt = clock.now();
    this.#guard(limit);
  }

  get signal(): AbortSignal {
    return this.#idle.signal;
  }

  /** Something came. Costs nothing: the timer is not touched, it looks here when it is due. */
  seen(): void {
    this.#seenAt = this.#clock.now();
  }

  [Symbol.dispose](): void {
    this.#end.abort();
  }

  #guard(time: Duration): void {
    this.#clock.sleep(time, this.#end.signal).then(
      () => {
        const left = this.#seenAt + this.#limit - this.#clock.now();
        if (left > 0) this.#guard(left as Duration);
        else this.#idle.abort(noAnswer(`nothing came for ${this.#limit / 1_000} s`));
      },
      () => undefined,
    );
  }
}
