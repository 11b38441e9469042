/** What a rack says to a DHCP client: from memory, for each packet. */
import type { Machine } from "#api/machine.ts";
import type { Zone } from "#api/zone.ts";
import { hours } from "#base/duration.ts";
import { type Ipv4, parseCidr, parseIpv4 } from "#base/ipv4.ts";
import { type Mac, parseMac } from "#base/mac.ts";
import type { Client, Site, Subnet } from "#netboot/dhcp/context.ts";
import type { Slice } from "#netboot/dhcp/leases.ts";
import { type BootAnswer, bootPolicy } from "./boot-policy.ts";
import { FILE_PATHS } from "./boot-script.ts";
import { type Endpoint, rackUrlOf, subnetOf } from "./endpoints.ts";
import { isSeen, machinesByMac, tasksOf, type View } from "./view.ts";

type ZoneSubnet = NonNullable<Zone["spec"]["subnets"]>[number];

export interface SiteDeps {
  readonly zone: string;
  readonly view: View;
  readonly endpoints: readonly Endpoint[];
  /** Whether this rack gives the zone's dynamic addresses now. */
  readonly isDynamic: () => boolean;
  readonly count: (part: string, event: string) => void;
  /** Told of each unknown client. */
  readonly onUnknown: (mac: Mac, subnet: string) => void;
}

/** An address of a known machine is its own: the lease is long, so that no outage of ours costs it. */
const KNOWN_LEASE = hours(24) / 1_000;

/** `null`: nothing there is ours to answer. */
function modeFor({ dhcp = "Off", relayed = false }: ZoneSubnet, { relay }: Client) {
  return dhcp === "Off" || (relay !== null && !relayed) ? null : dhcp;
}

/** `null`: the client's subnet is not ours to serve, or nothing is known yet. */
export function siteFor(client: Client, deps: SiteDeps): Site | null {
  const { view, endpoints } = deps;
  const endpoint = endpoints.find(({ address, device }) => (device ?? address) === client.device);
  const zone = view.zones.get(deps.zone);
  if (endpoint === undefined || zone === undefined) return null;
  const subnet = subnetOf(zone, client.relay ?? endpoint.address);
  const mode = subnet === null ? null : modeFor(subnet, client);
  if (subnet === null || mode === null) return null;
  const toldOf = toldTo(subnet);
  if (toldOf === null) return null;
  const machines = machinesByMac(view, client.mac);
  const answer = answerTo(client, machines, subnet, view);
  if (client.rom !== null) deps.count("dhcp-boot", answer.reason);
  if (!isSeen(view)) return null; // an address alone would send its firmware to its disk
  if (machines.length === 0) deps.onUnknown(client.mac, subnet.name);
  return {
    mode,
    server: endpoint.address,
    subnet: toldOf,
    known: knownAs(machines, client.mac, subnet.name),
    slices: deps.isDynamic() ? slicesOf(subnet) : [],
    leaseSeconds: KNOWN_LEASE,
    boot: bootsFromUs(answer) ? bootAnswer(client, machines, endpoint) : null,
    first: true,
  };
}

function answerTo(
  { uuid }: Client,
  machines: readonly Machine[],
  subnet: ZoneSubnet,
  view: View,
): BootAnswer {
  const [machine] = machines;
  const synced = isSeen(view);
  const tasks = machine === undefined ? [] : tasksOf(view, machine);
  return bootPolicy({
    asked: "DHCP",
    uuid,
    machines,
    tasks,
    subnet,
    synced,
    waits: 0,
    boots: 0,
    looked: false,
  });
}

/** Also whoever is to boot from its disk: our script says so much faster than firmware gives up. */
const bootsFromUs = ({ kind }: BootAnswer): boolean => kind !== "Silence" && kind !== "AddressOnly";

function toldTo(subnet: ZoneSubnet): Subnet | null {
  const cidr = parseCidr(subnet.cidr);
  if (cidr === null) return null;
  const addresses = (texts: readonly string[] = []): Ipv4[] =>
    texts.map(parseIpv4).filter((address) => address !== null);
  const [gateway] = addresses(subnet.gateway === undefined ? [] : [subnet.gateway]);
  return {
    cidr,
    ...(gateway !== undefined && { gateway }),
    dns: addresses(subnet.dns),
    ntp: addresses(subnet.ntp),
    ...(subnet.mtu !== undefined && { mtu: subnet.mtu }),
  };
}

/** The address that the operator gave to this interface. Two Machines of one MAC have none. */
function knownAs(
  [machine, another]: readonly Machine[],
  mac: Mac,
  subnet: string,
): { address: Ipv4; hostname: string } | null {
  if (machine === undefined || another !== undefined) return null;
  const mine = machine.status?.addresses?.find(
    (each) => each.subnet === subnet && parseMac(each.mac) === mac,
  );
  const address = mine === undefined ? null : parseIpv4(mine.ip);
  return address === null ? null : { address, hostname: machine.metadata.name };
}

export function slicesOf({ ranges }: ZoneSubnet): readonly Slice[] {
  return (ranges?.dynamic ?? []).flatMap(({ from, to }) => {
    const [first, last] = [parseIpv4(from), parseIpv4(to)];
    return first === null || last === null ? [] : [{ first, last, epoch: 1 }];
  });
}

function bootAnswer(
  { mac, uuid, arch }: Client,
  [machine]: readonly Machine[],
  endpoint: Endpoint,
): Site["boot"] {
  const url = rackUrlOf(endpoint);
  const query = new URLSearchParams({ mac, arch: arch?.cpu === "arm64" ? "arm64" : "amd64" });
  if (uuid !== null) query.set("uuid", uuid);
  return {
    scriptUrl: `${url}/boot?${query.toString().replaceAll("%3A", ":")}`,
    filesUrl: `${url}${FILE_PATHS.files}`,
    chain: machine?.spec.boot.mode === "UEFISecureBoot" ? "Shim" : "Ipxe",
  };
}
