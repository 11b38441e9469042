import { type Duration, minutes, seconds } from "#base/duration.ts";
import { Failure } from "#base/failure.ts";

const TOLERATED = 3;
/** Of the third failure in a row, the fourth, … The last one stands for all further ones. */
const PAUSES = [minutes(1), minutes(2), minutes(5), minutes(10)] as const;

/** Leaves a BMC alone that did not answer several times, so that a dead one costs nobody's time. */
export class Breaker {
  #failures = 0;
  #openUntil = 0;

  /** Throws BmcUnreachable, with the time that is left, while it is open. Times in ms. */
  check(now: number): void {
    const left = (this.#openUntil - now) as Duration;
    if (left <= 0) return;
    const text = `no answer ${this.#failures} times in a row; next try in ${inSeconds(left)} s`;
    throw new Failure("BmcUnreachable", text, { retryAfter: left });
  }

  failed(now: number): void {
    this.#failures += 1;
    if (this.#failures < TOLERATED) return;
    const step = Math.min(this.#failures - TOLERATED, PAUSES.length - 1);
    this.#openUntil = now + (PAUSES[step] ?? seconds(0));
  }

  /** It answered, whatever it said. */
  answered(): void {
    this.#failures = 0;
    this.#openUntil = 0;
  }
}

const inSeconds = (time: Duration): number => Math.ceil(time / 1_000);
