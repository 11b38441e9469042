import { readFile } from "node:fs/promises";
import {
  AF_INET6,
  deviceName,
  int,
  openLibc,
  SO_BINDTODEVICE,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOL_SOCKET,
} from "./libc.ts";

/** A raw ICMPv6 socket on one device, open for router solicitations. Nothing in it waits. */
export interface IcmpSocket extends Disposable {
  /** One message and its sender (a struct sockaddr_in6); `null` if there is none. */
  receive(): { readonly bytes: Uint8Array; readonly from: Uint8Array } | null;
  /** To one host, or to all of the link where the sender has no address. `false`: not sent. */
  send(bytes: Uint8Array, to: Uint8Array): boolean;
}

const IPPROTO_ICMPV6 = 58;
const IPPROTO_IPV6 = 41;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_JOIN_GROUP = 20;
const ICMP6_FILTER = 1;
const ROUTER_SOLICITATION = 133;
const ALL_ROUTERS = "ff020000000000000000000000000002"; // RFC 4291 section 2.7.1
const ALL_NODES = "ff020000000000000000000000000001";
const SOCKADDR_IN6 = 28;
const ADDRESS_AT = 8;

/** Needs CAP_NET_RAW. Rejects with the system's error. */
export async function openIcmp6(device: string, signal: AbortSignal): Promise<IcmpSocket> {
  const name = deviceName(device);
  const index = Number(
    await readFile(`/sys/class/net/${device}/ifindex`, { encoding: "utf8", signal }),
  );
  const libc = await openLibc();
  const fd = libc.socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
  const options: readonly [level: number, name: number, value: Uint8Array][] = [
    [SOL_SOCKET, SO_BINDTODEVICE, name],
    [IPPROTO_ICMPV6, ICMP6_FILTER, onlySolicitations()],
    // RFC 4861 section 6.1.2: an advertisement with any other hop limit is thrown away.
    [IPPROTO_IPV6, IPV6_UNICAST_HOPS, int(255)],
    [IPPROTO_IPV6, IPV6_MULTICAST_HOPS, int(255)],
    [IPPROTO_IPV6, IPV6_JOIN_GROUP, Buffer.concat([Buffer.from(ALL_ROUTERS, "hex"), int(index)])],
  ];
  try {
    for (const [level, option, value] of options) libc.setsockopt(fd, level, option, value);
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  const into = new Uint8Array(1_500);
  return {
    receive: () => {
      const from = new Uint8Array(SOCKADDR_IN6);
      const length = libc.recvfrom(fd, into, from);
      return length === null ? null : { bytes: into.slice(0, length), from };
    },
    send: (bytes, to) => {
      const address = Uint8Array.from(to);
      if (isUnspecified(to)) address.set(Buffer.from(ALL_NODES, "hex"), ADDRESS_AT);
      try {
        libc.sendto(fd, bytes, address);
        return true;
      } catch {
        return false; // no address of our own yet, or the buffer is full: it will ask again
      }
    },
    [Symbol.dispose]: () => libc.close(fd),
  };
}

const isUnspecified = (address: Uint8Array): boolean =>
  address.subarray(ADDRESS_AT, ADDRESS_AT + 16).every((byte) => byte === 0);

/** struct icmp6_filter of RFC 3542 section 3.2, as Linux has it: a set bit blocks that type. */
function onlySolicitations(): Uint8Array {
  const filter = new Uint32Array(8).fill(0xffffffff);
  filter[ROUTER_SOLICITATION >> 5] = ~(1 << (ROUTER_SOLICITATION & 31)) >>> 0;
  return new Uint8Array(filter.buffer);
}
