import type { Duration } from "./duration.ts";

/**
 * The delay before try number `tries` (0: the first retry): doubled each time, capped, and spread
 * over its upper half, so that those who failed together do not come back together.
 *
 * @param random a number in [0, 1)
 */
export function backoff(first: Duration, cap: Duration, tries: number, random: number): Duration {
  const full = Math.min(cap, first * 2 ** Math.min(tries, 30));
  return (full * (0.5 + random / 2)) as Duration;
}
