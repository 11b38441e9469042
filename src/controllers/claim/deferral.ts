import { type Duration, seconds } from "#base/duration.ts";

/** However many claims come one after the other: so long a machine that is bound may wait for them. */
export const LONGEST: Duration = seconds(5);

/** Lets machines that were bound just now wait while others are being bound, and none for long. */
export class Deferral {
  readonly #monotonic: () => number;
  readonly #since = new Map<string, number>();

  /** `monotonic`: milliseconds that never go back. */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Whether the machine is to wait. `hasCause`: there is something that it could wait for. */
  isDue(key: string, hasCause: boolean): boolean {
    if (!hasCause) {
      this.#since.delete(key);
      return false;
    }
    const now = this.#monotonic();
    const since = this.#since.get(key) ?? now;
    this.#since.set(key, since);
    return now - since < LONGEST;
  }
}
