import type { Mac } from "#base/mac.ts";
import type { Packet } from "./packet.ts";

const MAX_CLIENTS = 4_096;

/**
 * How often a client has sent its Discover. By transaction, as `secs` cannot be trusted: OVMF
 * always sends zero.
 */
export class Attempts {
  readonly #seen = new Map<Mac, { readonly xid: number; readonly times: number }>();

  count({ mac, xid }: Packet): number {
    const before = this.#seen.get(mac);
    const times = before?.xid === xid ? before.times + 1 : 1;
    this.#seen.delete(mac);
    this.#seen.set(mac, { xid, times });
    if (this.#seen.size > MAX_CLIENTS) {
      const oldest = this.#seen.keys().next();
      if (oldest.done !== true) this.#seen.delete(oldest.value);
    }
    return times;
  }
}
