import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hours } from "#base/duration.ts";
import { fromNumber, type Ipv4, parseIpv4 } from "#base/ipv4.ts";
import { type Mac, macOf } from "#base/mac.ts";
import { Leases, type Slice } from "./leases.ts";

const ip = (text: string): Ipv4 => parseIpv4(text) ?? fromNumber(0);
const mac = (n: number): Mac => macOf(Uint8Array.of(2, 0, 0, 0, n >> 8, n));
const slice = (first: string, last: string): Slice => ({
  first: ip(first),
  last: ip(last),
  epoch: 1,
});
const three = [slice("10.0.0.10", "10.0.0.12")] as const;
const HOUR = hours(1);

describe("Leases", () => {
  it("offers a client the same address again, and keeps it when it is taken", () => {
    const leases = new Leases();
    const address = leases.offer(mac(1), three, null, 0);
    expect(address).toBe("10.0.0.10");
    expect(leases.offer(mac(1), three, null, 10)).toBe(address);
    leases.commit(mac(1), ip("10.0.0.10"), HOUR, 20);
    expect(leases.held(mac(1), three, HOUR)).toBe(address);
    expect(leases.held(mac(1), three, HOUR + 20)).toBeNull();
  });

  it("gives the address that a client wants if it is free", () => {
    const leases = new Leases();
    expect(leases.offer(mac(1), three, ip("10.0.0.12"), 0)).toBe("10.0.0.12");
    expect(leases.offer(mac(2), three, ip("10.0.0.12"), 0)).toBe("10.0.0.10");
    expect(leases.offer(mac(3), three, ip("10.9.9.9"), 0)).toBe("10.0.0.11");
  });

  it("has none left when all are given, and some again when offers and leases end", () => {
    const leases = new Leases();
    for (const n of [1, 2])
      leases.commit(mac(n), leases.offer(mac(n), three, null, 0) ?? ip("0.0.0.0"), HOUR, 0);
    leases.offer(mac(3), three, null, 0);
    expect(leases.offer(mac(4), three, null, 29_999)).toBeNull();
    expect(leases.offer(mac(4), three, null, 30_000)).toBe("10.0.0.12");
    expect(leases.offer(mac(5), three, null, 31_000)).toBeNull();
    expect(leases.offer(mac(5), three, null, HOUR)).toBe("10.0.0.12");
    expect(leases.offer(mac(6), three, null, HOUR)).toBe("10.0.0.10");
  });

  it("gives a released address to the next one, but only its client can release it", () => {
    const leases = new Leases();
    for (const n of [1, 2, 3])
      leases.commit(mac(n), leases.offer(mac(n), three, null, 0) ?? ip("0.0.0.0"), HOUR, 0);
    expect(leases.release(mac(2), ip("10.0.0.10"))).toBe(false);
    expect(leases.offer(mac(4), three, null, 1)).toBeNull();
    expect(leases.release(mac(1), ip("10.0.0.10"))).toBe(true);
    expect(leases.offer(mac(4), three, null, 1)).toBe("10.0.0.10");
  });

  it("leaves an address alone that somebody else answers for", () => {
    const leases = new Leases();
    leases.offer(mac(1), three, null, 0);
    leases.decline(ip("10.0.0.10"), 0);
    expect(leases.offer(mac(1), three, null, 1)).toBe("10.0.0.11");
    expect(leases.offer(mac(2), three, ip("10.0.0.10"), 1)).toBe("10.0.0.12");
    expect(leases.offer(mac(3), three, ip("10.0.0.10"), 600_000)).toBe("10.0.0.10");
  });

  it("gives nothing from a slice in quarantine until its time is over", () => {
    const leases = new Leases();
    for (const each of three) leases.quarantine(each, 5_000);
    expect(leases.offer(mac(1), three, null, 4_999)).toBeNull();
    expect(leases.offer(mac(1), three, null, 5_000)).toBe("10.0.0.10");
  });

  it("no longer renews what is in a slice that was taken from this rack", () => {
    const leases = new Leases([{ mac: mac(1), address: ip("10.0.0.10"), expires: HOUR }]);
    expect(leases.held(mac(1), three, 0)).toBe("10.0.0.10");
    expect(leases.held(mac(1), [slice("10.0.0.11", "10.0.0.12")], 0)).toBeNull();
  });

  it("never gives what a restored lease holds", () => {
    const leases = new Leases([{ mac: mac(1), address: ip("10.0.0.10"), expires: HOUR }]);
    expect(leases.offer(mac(2), three, null, 0)).toBe("10.0.0.11");
  });

  it("never has one address for two clients, and keeps what it gave, whatever happens", () => {
    const clients = [1, 2, 3, 4, 5, 6, 7, 8];
    const step = fc.record({
      who: fc.constantFrom(...clients),
      what: fc.constantFrom(...(["offer", "commit", "release", "decline", "wait"] as const)),
      wanted: fc.option(fc.integer({ min: 8, max: 14 }).map((n) => fromNumber(0x0a000000 + n))),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const leases = new Leases();
        let now = 0;
        const heldBy = (who: number): Ipv4 | null => leases.held(mac(who), three, now);
        const act = {
          offer: (who: number, wanted: Ipv4 | null) => leases.offer(mac(who), three, wanted, now),
          commit: (who: number) => leases.commit(mac(who), heldBy(who) ?? three[0].last, HOUR, now),
          release: (who: number) => leases.release(mac(who), heldBy(who) ?? three[0].last),
          decline: (who: number) => leases.decline(heldBy(who) ?? ip("10.0.0.9"), now),
          wait: () => (now += 20_000),
        };
        for (const { who, what, wanted } of steps) {
          const before = clients.map(heldBy);
          if (what !== "commit" || heldBy(who) !== null) act[what](who, wanted);
          const held = clients.map(heldBy);
          const given = held.filter((address) => address !== null);
          expect(new Set(given).size).toBe(given.length);
          expect(given.every((address) => /^10\.0\.0\.1[012]$/.test(address))).toBe(true);
          if (what === "wait") continue;
          const others = clients.filter((client) => client !== who);
          expect(others.map(heldBy)).toEqual(others.map((client) => before[client - 1]));
        }
      }),
    );
  });
});
