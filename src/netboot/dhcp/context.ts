import type { Cidr, Ipv4 } from "#base/ipv4.ts";
import type { Mac } from "#base/mac.ts";
import type { Architecture, BootRom, Chain } from "./arch.ts";
import type { Slice } from "./leases.ts";

/** Who is asking, as its packet says. */
export interface Client {
  readonly mac: Mac;
  /** Option 97 in canonical lower case; `null` if absent or malformed. */
  readonly uuid: string | null;
  /** `null`: it does not ask for anything to boot. */
  readonly rom: BootRom | null;
  readonly arch: Architecture | null;
  /** giaddr: the relay that stands in the client's subnet; `null` without one. */
  readonly relay: Ipv4 | null;
  /** The name that the server was given for the socket (its device). */
  readonly device: string;
}

/** What every client of a subnet is told. */
export interface Subnet {
  readonly cidr: Cidr;
  readonly gateway?: Ipv4;
  readonly dns: readonly Ipv4[];
  readonly ntp: readonly Ipv4[];
  readonly domain?: string;
  readonly mtu?: number;
}

/** Where a machine that may boot from us finds what it needs. */
export interface BootAnswer {
  /** What iPXE runs. */
  readonly scriptUrl: string;
  /** What first-stage file names are appended to, for HTTP boot: ends in "/". */
  readonly filesUrl: string;
  readonly chain: Chain;
}

/** What the rack knows of a client. All of it from memory: it is asked for each packet. */
export interface Site {
  /** Proxy: another server gives addresses, we only say what to boot. */
  readonly mode: "Server" | "Proxy";
  /** Our address as this client reaches it: server identifier, siaddr. */
  readonly server: Ipv4;
  readonly subnet: Subnet;
  /** The machine that the API names for this MAC, with the address that the operator gave it. */
  readonly known: { readonly address: Ipv4; readonly hostname?: string } | null;
  /** Where an unknown client may get a dynamic address from; empty: nowhere. */
  readonly slices: readonly Slice[];
  /** Of addresses that we give; dynamic leases are cut to one hour. */
  readonly leaseSeconds: number;
  /** `null`: an address at most, and nothing to boot. */
  readonly boot: BootAnswer | null;
  /**
   * Whether this rack answers first (RFC 3074); the other racks of a zone answer a Discover only
   * when it is repeated.
   */
  readonly first: boolean;
}
