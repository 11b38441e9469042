import type { RackStatus } from "#api/rack.ts";
import { hours } from "#base/duration.ts";
import type { Mac } from "#base/mac.ts";
import { timestamp } from "./verdict.ts";

type Entry = NonNullable<RackStatus["discovered"]>[number];

const MOST = 256;
/** A time that is news: the status must not change by itself. */
const OLD = hours(1);

/** MACs on the wire that no Machine names, the ones that were met last. */
export class Discovered {
  readonly #seen = new Map<Mac, { readonly at: number; readonly subnet: string }>();

  /** Whether that is news. */
  met(mac: Mac, subnet: string, now: number): boolean {
    const before = this.#seen.get(mac);
    if (before !== undefined && before.subnet === subnet && now - before.at < OLD) return false;
    this.#seen.delete(mac); // to the end
    this.#seen.set(mac, { at: now, subnet });
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > MOST && oldest !== undefined) this.#seen.delete(oldest);
    return true;
  }

  /** By MAC. Those that a Machine names by now are left out. */
  list(isKnown: (mac: Mac) => boolean): Entry[] {
    return [...this.#seen]
      .filter(([mac]) => !isKnown(mac))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([mac, { at, subnet }]) => ({ mac, seenAt: timestamp(at), subnet }));
  }
}
