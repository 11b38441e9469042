import type { Clock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";

/** Firmware that asks twice for one boot does so at once. */
const SAME_BOOT = seconds(5);
/** Tasks that are counted at the same time; beyond it the oldest is forgotten. */
const MAX_TASKS = 20_000;

/**
 * How often the agent was booted for a task without progress. In memory: a rack that was restarted
 * counts anew, which costs a few boots more.
 */
export class BootCounter {
  readonly #clock: Pick<Clock, "now">;
  readonly #boots = new Map<string, { readonly count: number; readonly at: number }>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  count(taskUid: string): number {
    return this.#boots.get(taskUid)?.count ?? 0;
  }

  booted(taskUid: string): void {
    const last = this.#boots.get(taskUid);
    const at = this.#clock.now();
    if (last !== undefined && at - last.at < SAME_BOOT) return;
    this.#boots.set(taskUid, { count: (last?.count ?? 0) + 1, at });
    const [oldest] = this.#boots.keys();
    if (this.#boots.size > MAX_TASKS && oldest !== undefined) this.#boots.delete(oldest);
  }

  /** The agent got on, or the task has ended. */
  progressed(taskUid: string): void {
    this.#boots.delete(taskUid);
  }
}
