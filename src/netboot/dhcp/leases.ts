import { type Duration, minutes, seconds } from "#base/duration.ts";
import type { Ipv4 } from "#base/ipv4.ts";
import type { Mac } from "#base/mac.ts";
import { ipv4Of, numberOf } from "./address.ts";

/** A run of addresses that the operator granted to this rack. Both ends belong to it. */
export interface Slice {
  readonly first: Ipv4;
  readonly last: Ipv4;
  /** Grows with each grant of these addresses, to whomever. */
  readonly epoch: number;
}

export interface Lease {
  readonly address: Ipv4;
  readonly mac: Mac;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

/** How long an offered address waits for its Request. */
const OFFER: Duration = seconds(30);
/** How long an address that somebody else uses is left alone. */
const DECLINED: Duration = minutes(10);
/** Of the oldest leases and offers, how many are looked at for one that expired. */
const LOOK_AT = 8;

interface Pool {
  readonly first: number;
  readonly last: number;
  /** Addresses from here on were never given. */
  next: number;
  /** Addresses that were given back. */
  readonly free: Ipv4[];
  /** In order of expiry, as all offers last the same time, and so do all leases of a subnet. */
  readonly offered: Set<Ipv4>;
  readonly given: Set<Ipv4>;
}

/**
 * Dynamic leases: who has which address until when. In memory, and without a clock of its own;
 * `lease-file.ts` makes them last.
 *
 * Clients are told apart by MAC alone: firmware, iPXE and the system that follow each other on one
 * machine send different client identifiers (option 61), and should get one address.
 */
export class Leases {
  readonly #byMac = new Map<Mac, Lease>();
  readonly #byAddress = new Map<Ipv4, Lease>();
  /** Until when nobody gets an address. */
  readonly #blocked = new Map<Ipv4, number>();
  readonly #pools = new Map<string, Pool>();
  readonly #quarantines: { readonly slice: Slice; readonly until: number }[] = [];

  constructor(known: Iterable<Lease> = []) {
    for (const lease of known) this.#set(lease, "given");
  }

  get size(): number {
    return this.#byMac.size;
  }

  /** Every lease that has not expired. */
  *live(now: number): Generator<Lease> {
    for (const lease of this.#byAddress.values()) if (lease.expires > now) yield lease;
  }

  /** Nothing is given from a slice of which we may have forgotten the leases. */
  quarantine(slice: Slice, until: number): void {
    this.#quarantines.push({ slice, until });
  }

  /** The address that this client has, or was offered, if it is still ours to give. */
  held(mac: Mac, slices: readonly Slice[], now: number): Ipv4 | null {
    const lease = this.#byMac.get(mac);
    if (lease === undefined || lease.expires <= now) return null;
    return slices.some((slice) => within(slice, lease.address)) ? lease.address : null;
  }

  /**
   * An address for this client, kept for it for half a minute: its last one if nobody has it now,
   * else the one that it wants, else any. `null`: none is free.
   */
  offer(mac: Mac, slices: readonly Slice[], wanted: Ipv4 | null, now: number): Ipv4 | null {
    const last = this.#byMac.get(mac)?.address ?? null;
    const usable = slices.filter((slice) => !this.#isQuarantined(slice, now));
    for (const address of [last, wanted]) {
      if (address === null || !this.#isFreeFor(mac, address, now)) continue;
      if (usable.some((slice) => within(slice, address))) return this.#keep(mac, address, now);
    }
    for (const slice of usable) {
      const address = this.#take(slice, now);
      if (address !== null) return this.#keep(mac, address, now);
    }
    return null;
  }

  /** Makes an offer a lease, or a lease last longer. */
  commit(mac: Mac, address: Ipv4, time: Duration, now: number): Lease {
    const lease = { address, mac, expires: now + time };
    this.#set(lease, "given");
    return lease;
  }

  /** Returns whether there was such a lease. */
  release(mac: Mac, address: Ipv4): boolean {
    const lease = this.#byMac.get(mac);
    if (lease?.address !== address) return false;
    this.#forget(lease);
    this.#poolOf(address)?.free.push(address);
    return true;
  }

  /** Somebody else answers for this address: nobody gets it for a while. */
  decline(address: Ipv4, now: number): void {
    const lease = this.#byAddress.get(address);
    if (lease !== undefined) this.#forget(lease);
    this.#blocked.set(address, now + DECLINED);
    this.#poolOf(address)?.given.add(address);
  }

  #keep(mac: Mac, address: Ipv4, now: number): Ipv4 {
    const lease = this.#byMac.get(mac);
    const longer = lease?.address === address && lease.expires > now + OFFER;
    if (!longer) this.#set({ mac, address, expires: now + OFFER }, "offered");
    return address;
  }

  #set(lease: Lease, as: "offered" | "given"): void {
    const before = this.#byMac.get(lease.mac);
    if (before !== undefined && before.address !== lease.address) {
      this.#forget(before);
      this.#poolOf(before.address)?.free.push(before.address);
    }
    const other = this.#byAddress.get(lease.address);
    if (other !== undefined && other.mac !== lease.mac) this.#byMac.delete(other.mac);
    this.#byMac.set(lease.mac, lease);
    this.#byAddress.set(lease.address, lease);
    const pool = this.#poolOf(lease.address);
    pool?.given.delete(lease.address);
    pool?.offered.delete(lease.address);
    pool?.[as].add(lease.address);
  }

  #forget(lease: Lease): void {
    this.#byMac.delete(lease.mac);
    this.#byAddress.delete(lease.address);
    const pool = this.#poolOf(lease.address);
    pool?.given.delete(lease.address);
    pool?.offered.delete(lease.address);
  }

  #isQuarantined(slice: Slice, now: number): boolean {
    return this.#quarantines.some(
      ({ slice: other, until }) => until > now && within(other, slice.first),
    );
  }

  #isFreeFor(mac: Mac, address: Ipv4, now: number): boolean {
    const lease = this.#byAddress.get(address);
    if (lease !== undefined && lease.mac !== mac && lease.expires > now) return false;
    return (this.#blocked.get(address) ?? 0) <= now;
  }

  #isFree(address: Ipv4, now: number): boolean {
    return (
      (this.#byAddress.get(address)?.expires ?? 0) <= now &&
      (this.#blocked.get(address) ?? 0) <= now
    );
  }

  #take(slice: Slice, now: number): Ipv4 | null {
    const pool = this.#poolFor(slice);
    while (pool.next <= pool.last) {
      const address = ipv4Of(pool.next);
      pool.next += 1;
      if (this.#isFree(address, now)) return address;
    }
    for (let address = pool.free.pop(); address !== undefined; address = pool.free.pop()) {
      if (this.#isFree(address, now)) return address;
    }
    return this.#firstFree(pool.offered, now) ?? this.#firstFree(pool.given, now);
  }

  #firstFree(oldestFirst: Iterable<Ipv4>, now: number): Ipv4 | null {
    let looked = 0;
    for (const address of oldestFirst) {
      if (this.#isFree(address, now)) return address;
      looked += 1;
      if (looked === LOOK_AT) break;
    }
    return null;
  }

  #poolFor(slice: Slice): Pool {
    const key = `${slice.first}-${slice.last}`;
    const found = this.#pools.get(key);
    if (found !== undefined) return found;
    const mine = [...this.#byAddress.values()].filter(({ address }) => within(slice, address));
    mine.sort((a, b) => a.expires - b.expires);
    const [first, last] = [numberOf(slice.first), numberOf(slice.last)];
    const given = new Set(mine.map(({ address }) => address));
    const pool = { first, last, next: first, free: [], offered: new Set<Ipv4>(), given };
    this.#pools.set(key, pool);
    return pool;
  }

  #poolOf(address: Ipv4): Pool | undefined {
    const n = numberOf(address);
    for (const pool of this.#pools.values()) if (n >= pool.first && n <= pool.last) return pool;
    return undefined;
  }
}

function within(slice: Slice, address: Ipv4): boolean {
  const n = numberOf(address);
  return n >= numberOf(slice.first) && n <= numberOf(slice.last);
}
