import {
  ipv4,
  ipv4List,
  messageType,
  type OptionCodec,
  opaque,
  text,
  uint16,
  uint16List,
  uint32,
  userClasses,
} from "./option.ts";

/**
 * The options that we read or write: name, number on the wire, codec.
 *
 * They are written in this order, and when a client takes only a short packet, the last ones are
 * left out. Option 82 is not among those: it is always last and always there (RFC 3046 section 2.2).
 */
export const OPTIONS = {
  messageType: { code: 53, codec: messageType }, // RFC 2132 section 9.6
  serverId: { code: 54, codec: ipv4 }, // 9.7
  clientId: { code: 61, codec: opaque }, // 9.14
  leaseSeconds: { code: 51, codec: uint32 }, // 9.2
  subnetMask: { code: 1, codec: ipv4 }, // 3.3
  routers: { code: 3, codec: ipv4List }, // 3.5
  vendorClass: { code: 60, codec: text }, // 9.13
  clientUuid: { code: 97, codec: opaque }, // RFC 4578 section 2.3
  bootFile: { code: 67, codec: text }, // RFC 2132 section 9.5
  tftpServer: { code: 66, codec: text }, // 9.4
  ipxe: { code: 175, codec: opaque }, // iPXE's own encapsulation
  dns: { code: 6, codec: ipv4List }, // 3.8
  hostname: { code: 12, codec: text }, // 3.14
  domain: { code: 15, codec: text }, // 3.17
  mtu: { code: 26, codec: uint16 }, // 5.1
  broadcast: { code: 28, codec: ipv4 }, // 5.3
  ntp: { code: 42, codec: ipv4List }, // 8.3
  renewSeconds: { code: 58, codec: uint32 }, // 9.11 (T1)
  rebindSeconds: { code: 59, codec: uint32 }, // 9.12 (T2)
  message: { code: 56, codec: text }, // 9.9
  vendorOptions: { code: 43, codec: opaque }, // 8.4
  requestedAddress: { code: 50, codec: ipv4 }, // 9.1
  parameters: { code: 55, codec: opaque }, // 9.8
  maxSize: { code: 57, codec: uint16 }, // 9.10
  userClasses: { code: 77, codec: userClasses }, // RFC 3004
  clientArch: { code: 93, codec: uint16List }, // RFC 4578 section 2.1
  clientInterface: { code: 94, codec: opaque }, // 2.2
  relayAgent: { code: 82, codec: opaque }, // RFC 3046
} as const satisfies Record<
  string,
  { readonly code: number; readonly codec: OptionCodec<unknown> }
>;

type ValueOf<C> = C extends OptionCodec<infer T> ? T : never;

export type OptionName = keyof typeof OPTIONS;

/** Decoded options by name; derived from the table, so that it cannot drift from it. */
export type Options = {
  readonly [Name in OptionName]?: ValueOf<(typeof OPTIONS)[Name]["codec"]>;
};
