/** What we say of the link: RFC 4861 section 4.2. */
export interface RouterAdvertisement {
  /** 0: do not take us for a router. */
  readonly lifetimeSeconds: number;
  readonly hopLimit: number;
  readonly managed: boolean;
  readonly otherConfig: boolean;
}

const ROUTER_SOLICITATION = 133;
const ROUTER_ADVERTISEMENT = 134;

/**
 * Whether an ICMPv6 message is a valid router solicitation: RFC 4861 section 6.1.1, as far as its
 * bytes tell. The kernel has checked the checksum.
 */
export function isSolicitation(bytes: Uint8Array): boolean {
  if (bytes.length < 8 || bytes[0] !== ROUTER_SOLICITATION || bytes[1] !== 0) return false;
  let at = 8;
  while (at < bytes.length) {
    const units = bytes[at + 1] ?? 0; // of eight bytes each
    if (units === 0) return false;
    at += 8 * units;
  }
  return at === bytes.length;
}

/** Without checksum: the kernel fills that in. Reachable and retransmit time: not specified. */
export function encodeAdvertisement(advertisement: RouterAdvertisement): Uint8Array {
  const { lifetimeSeconds, hopLimit, managed, otherConfig } = advertisement;
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, ROUTER_ADVERTISEMENT);
  view.setUint8(4, hopLimit);
  view.setUint8(5, (managed ? 0x80 : 0) | (otherConfig ? 0x40 : 0));
  view.setUint16(6, lifetimeSeconds);
  return bytes;
}

/**
 * What answers a solicitation: that there is nothing here. iPXE then stops waiting (13 s) and goes
 * on with its IPv4 address; no host takes a route, a prefix or a DHCPv6 server from it.
 */
export const NOTHING_HERE: RouterAdvertisement = {
  lifetimeSeconds: 0,
  hopLimit: 0, // not specified
  managed: false,
  otherConfig: false,
};
