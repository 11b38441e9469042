import { backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { Unreachable } from "./http.ts";

export interface RetryDeps {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly log: (line: string) => void;
}

/**
 * Tries until it works, `tries` times at most (about ten seconds apart in the end), as long as what
 * is thrown is {@link Unreachable}.
 */
export async function retrying<T>(
  work: () => Promise<T>,
  tries: number,
  { clock, random, log }: RetryDeps,
  signal: AbortSignal,
): Promise<T> {
  for (let tried = 0; ; tried++) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Unreachable) || tried + 1 >= tries) throw error;
      log(error.message);
    }
    await clock.sleep(backoff(seconds(0.5), seconds(12), tried, random()), signal);
  }
}
