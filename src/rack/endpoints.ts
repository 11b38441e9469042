import type { Zone } from "#api/zone.ts";
import { contains, type Ipv4, parseCidr, parseIpv4 } from "#base/ipv4.ts";
import type { RackInterface } from "./config.ts";

type ZoneSubnet = NonNullable<Zone["spec"]["subnets"]>[number];

/** One of the rack's addresses, with what listens there. */
export interface Endpoint extends RackInterface {
  readonly httpPort: number;
  readonly apiPort: number;
}

export const rackUrlOf = ({ address, httpPort }: Endpoint): string =>
  `http://${address}:${httpPort}`;
/** As it stands on the agent's command line. */
export const apiOf = ({ address, apiPort }: Endpoint): string => `${address}:${apiPort}`;

export function subnetOf(zone: Zone | undefined, address: Ipv4): ZoneSubnet | null {
  const isIn = ({ cidr }: ZoneSubnet): boolean => {
    const parsed = parseCidr(cidr);
    return parsed !== null && contains(parsed, address);
  };
  return zone?.spec.subnets?.find(isIn) ?? null;
}

/** Which of our addresses a peer reaches best: the one in its own subnet, else the first. */
export function endpointFor(
  endpoints: readonly Endpoint[],
  zone: Zone | undefined,
  remote: string,
): Endpoint {
  const [first] = endpoints;
  if (first === undefined) throw new Error("the rack serves no interface");
  const address = parseIpv4(remote);
  const subnet = address === null ? null : subnetOf(zone, address);
  if (subnet === null) return first;
  return endpoints.find((each) => subnetOf(zone, each.address) === subnet) ?? first;
}
