import { hours, seconds } from "#base/duration.ts";
import type { Mac } from "#base/mac.ts";

/** A stranger that is started again within this is let go on to its disk. */
const AGAIN = hours(24);
/** Firmware that asks twice for one boot does so at once. */
const SAME_BOOT = seconds(5);
/** Strangers that are remembered; beyond it the one of longest ago is forgotten. */
const MOST = 4_096;

/**
 * Strangers that were given the agent, to be looked at. Each is so once: it may be somebody's server,
 * which restarts into its own system from there. In memory: each rack, and one that was restarted,
 * looks once more.
 */
export class Looks {
  readonly #given = new Map<Mac, number>();

  /** Whether it was given the agent at an earlier boot, and is to be left alone. */
  has(mac: Mac, now: number): boolean {
    const at = this.#given.get(mac);
    return at !== undefined && now - at >= SAME_BOOT && now - at < AGAIN;
  }

  given(mac: Mac, now: number): void {
    const before = this.#given.get(mac);
    if (before !== undefined && now - before < SAME_BOOT) return;
    this.#given.delete(mac); // to the end
    this.#given.set(mac, now);
    const [oldest] = this.#given.keys();
    if (this.#given.size > MOST && oldest !== undefined) this.#given.delete(oldest);
  }
}
