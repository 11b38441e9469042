import type { Socket } from "node:dgram";
import { readFile } from "node:fs/promises";
import type { Clock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";
import type { Ipv4 } from "#base/ipv4.ts";

/** A neighbour on a local network answers ARP within a millisecond or two. */
const WAIT = 20 as Duration;
/** Discard (RFC 863): whoever hears us does nothing. */
const PORT = 9;

export interface ProbeDeps {
  /** Any UDP socket; it only makes the kernel ask who has the address. */
  readonly socket: Socket;
  readonly clock: Clock;
  /** The kernel's ARP table; /proc/net/arp by default. */
  readonly arpTable?: () => Promise<string>;
  /** More at once are taken to be free unasked: a flood must not fill the ARP table. */
  readonly atOnce?: number;
}

/**
 * Whether somebody uses an address, without raw sockets: a datagram makes the kernel send an ARP
 * request, and its table then says whether that was answered. Needs the address to be on a link of
 * ours: behind a relay nobody is found.
 */
export function createProbe({
  socket,
  clock,
  arpTable = () => readFile("/proc/net/arp", "utf8"),
  atOnce = 32,
}: ProbeDeps): (address: Ipv4, signal: AbortSignal) => Promise<boolean> {
  let running = 0;
  return async (address, signal) => {
    if (running >= atOnce) return false;
    running += 1;
    try {
      socket.send(new Uint8Array(0), PORT, address, () => {}); // no route is no neighbour
      await clock.sleep(WAIT, signal);
      return isInArpTable(await arpTable(), address);
    } finally {
      running -= 1;
    }
  };
}

const COMPLETE = 0x2; // ATF_COM of <net/if_arp.h>

/** Columns of /proc/net/arp: IP address, HW type, Flags, HW address, Mask, Device. */
export function isInArpTable(table: string, address: Ipv4): boolean {
  return table.split("\n").some((line) => {
    const [ip, , flags] = line.split(/\s+/);
    return ip === address && (Number(flags) & COMPLETE) !== 0;
  });
}
