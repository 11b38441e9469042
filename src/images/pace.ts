import { minutes } from "#base/duration.ts";

/**
 * Bytes a second that an upstream sends at least. At this rate 1 GiB takes four and a half hours: no
 * deploy waits for that, while a few such fetches would keep all others from being begun.
 */
export const LEAST_RATE = 65_536;
/** Over which it is averaged: a pause of half a minute is for `stall` to judge. */
const WINDOW = minutes(1);

/** How fast one connection brings its bytes. */
export class Pace {
  #since: number;
  #bytes = 0;

  constructor(now: number) {
    this.#since = now;
  }

  /** Bytes a second of the last minute, where that is too few; `null`: it is fast enough so far. */
  tooSlow(bytes: number, now: number): number | null {
    this.#bytes += bytes;
    const time = now - this.#since;
    if (time < WINDOW) return null;
    const rate = (1_000 * this.#bytes) / time;
    this.#since = now;
    this.#bytes = 0;
    return rate < LEAST_RATE ? rate : null;
  }
}
