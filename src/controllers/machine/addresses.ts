import type { Machine, MachineStatus } from "#api/machine.ts";
import type { Subnet, Zone } from "#api/zone.ts";
import {
  broadcastOf,
  type Cidr,
  contains,
  fromNumber,
  type Ipv4,
  parseCidr,
  parseIpv4,
  toNumber,
} from "#base/ipv4.ts";
import { parseMac } from "#base/mac.ts";

type Addresses = NonNullable<MachineStatus["addresses"]>;

/** Who has which address, and is about to: machines are reconciled many at a time. */
export interface Book {
  /** Somebody else's, written down or promised. */
  readonly isTaken: (address: Ipv4) => boolean;
  /** Promises it to the machine, before that is written down. */
  readonly take: (address: Ipv4) => void;
  /** Where to start looking, so that a thousand machines do not each start at the front. */
  readonly start: (cidr: string) => number;
}

/**
 * The addresses of a machine's boot interfaces: what it has is kept, what it lacks is allocated once
 * (design section 4, "Addresses"). Null: the subnet is full.
 */
export function allocate(
  machine: Machine,
  zone: Zone,
  has: Addresses,
  book: Book,
): Addresses | null {
  const subnet = subnetFor(machine, zone);
  if (subnet === undefined) return has;
  const given = [...has];
  for (const text of machine.spec.boot.macAddresses) {
    const mac = parseMac(text);
    if (mac === null || given.some((address) => address.mac === mac)) continue;
    const mine = (address: Ipv4): boolean => given.some(({ ip }) => ip === address);
    const ip = firstFree(subnet, book, mine);
    if (ip === null) return null;
    book.take(ip);
    given.push({ mac, ip, subnet: subnet.name });
  }
  return given;
}

/** The subnet that the machine boots in: of its VLAN, else the first in which we give addresses. */
function subnetFor({ spec }: Machine, zone: Zone): Subnet | undefined {
  const ours = (zone.spec.subnets ?? []).filter(({ dhcp }) => dhcp === "Server");
  const { vlan } = spec.boot;
  return vlan === undefined ? ours[0] : ours.find((subnet) => subnet.vlan === vlan);
}

function firstFree(subnet: Subnet, book: Book, mine: (address: Ipv4) => boolean): Ipv4 | null {
  const cidr = parseCidr(subnet.cidr);
  if (cidr === null) return null;
  const first = toNumber(cidr.base) + 1;
  const count = toNumber(broadcastOf(cidr)) - first;
  const start = book.start(subnet.cidr);
  for (let step = 0; step < count; step++) {
    const address = fromNumber(first + ((start + step) % count));
    if (isForbidden(subnet, cidr, address) || mine(address) || book.isTaken(address)) continue;
    return address;
  }
  return null;
}

function isForbidden(
  { gateway, dns = [], ntp = [], ranges }: Subnet,
  cidr: Cidr,
  address: Ipv4,
): boolean {
  if (!contains(cidr, address) || [gateway, ...dns, ...ntp].includes(address)) return true;
  const n = toNumber(address);
  return [...(ranges?.dynamic ?? []), ...(ranges?.reserved ?? [])].some(({ from, to }) => {
    const [low, high] = [parseIpv4(from), parseIpv4(to)];
    return low === null || high === null || (n >= toNumber(low) && n <= toNumber(high));
  });
}
