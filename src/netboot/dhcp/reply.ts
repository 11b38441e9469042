import { broadcastOf, contains, type Ipv4, maskOf } from "#base/ipv4.ts";
import { bootOptions } from "./boot.ts";
import type { Client, Site } from "./context.ts";
import type { MessageType } from "./option.ts";
import type { Options } from "./options.ts";
import { NO_ADDRESS, type Packet } from "./packet.ts";

/** All that a reply may depend on. */
export interface Context extends Site {
  readonly client: Client;
  /** Which of our ports it came to: the DHCP server's, or the one where PXE clients ask again. */
  readonly port: "Dhcp" | "Pxe";
  /** The dynamic address that the client has, or that is kept for it; `null`: none. */
  readonly leased: Ipv4 | null;
  /** How often this Discover was seen, this time included. */
  readonly attempt: number;
}

/** Why a packet is not answered. Counted by this name. */
export type DropReason =
  | "NoType"
  | "UnexpectedType"
  | "NotForUs"
  | "NothingToBoot"
  | "NoAddress"
  | "NoRecord"
  | "OtherRackFirst"
  | "Declined"
  | "Released";

export type Decision =
  | {
      readonly kind: "Send";
      readonly packet: Packet;
      /** A dynamic address that must be on disk before this is sent. */
      readonly lease: Ipv4 | null;
    }
  | { readonly kind: "Drop"; readonly reason: DropReason };

const drop = (reason: DropReason): Decision => ({ kind: "Drop", reason });

/** RFC 2131 section 4.3, by type of message. `packet` is a request. */
export function decide(packet: Packet, context: Context): Decision {
  const type = packet.options.messageType;
  if (type === undefined) return drop("NoType");
  if (context.port === "Pxe") return answerPxe(packet, context, type);
  if (context.mode === "Proxy") return answerAsProxy(packet, context, type);
  switch (type) {
    case "Discover":
      return answerDiscover(packet, context);
    case "Request":
      return answerRequest(packet, context);
    case "Inform":
      return answerInform(packet, context);
    case "Decline":
      return drop(isForUs(packet, context) ? "Declined" : "NotForUs");
    case "Release":
      return drop(isForUs(packet, context) ? "Released" : "NotForUs");
    default:
      return drop("UnexpectedType");
  }
}

const isForUs = ({ options }: Packet, { server }: Context): boolean => options.serverId === server;

/** What the client should have: the API's word, else a lease. */
const addressFor = ({ known, leased }: Context): Ipv4 | null => known?.address ?? leased;

function answerDiscover(packet: Packet, context: Context): Decision {
  if (!context.first && context.attempt < 2) return drop("OtherRackFirst");
  const address = addressFor(context);
  if (address === null) return drop("NoAddress");
  return send(packet, context, "Offer", address, null);
}

/** Section 4.3.2: which of the four states a Request comes from, and what that deserves. */
function answerRequest(packet: Packet, context: Context): Decision {
  const { serverId, requestedAddress } = packet.options;
  if (serverId !== undefined && serverId !== context.server) return drop("NotForUs");
  const address = addressFor(context);
  if (address === null) return drop("NoRecord"); // never a NAK for whom we do not know
  const asked = packet.ciaddr !== NO_ADDRESS ? packet.ciaddr : requestedAddress;
  if (asked === undefined) return drop("NoAddress");
  if (asked === address) {
    return send(packet, context, "Ack", address, context.known === null ? address : null);
  }
  // RENEWING and REBINDING run out by themselves: a NAK would cut a working system off at once.
  if (packet.ciaddr !== NO_ADDRESS) return drop("NoRecord");
  // A known machine asks for an address that is not its own: SELECTING or INIT-REBOOT.
  return context.known === null ? drop("NoRecord") : refuse(packet, context);
}

function answerInform(packet: Packet, context: Context): Decision {
  if (packet.ciaddr === NO_ADDRESS || !contains(context.subnet.cidr, packet.ciaddr)) {
    return drop("NoAddress");
  }
  return send(packet, context, "Ack", NO_ADDRESS, null);
}

/** PXE 2.1 section 2.2.3: an Offer without an address; the address is another server's. */
function answerAsProxy(packet: Packet, context: Context, type: MessageType): Decision {
  if (type !== "Discover") return drop("NotForUs");
  if (!context.first && context.attempt < 2) return drop("OtherRackFirst");
  return sendBoot(packet, context, "Offer");
}

/** The second question of a PXE client that took our Offer (PXE 2.1 section 2.2.5). */
function answerPxe(packet: Packet, context: Context, type: MessageType): Decision {
  if (type !== "Request" && type !== "Inform") return drop("UnexpectedType");
  return sendBoot(packet, context, "Ack");
}

function sendBoot(packet: Packet, context: Context, type: "Offer" | "Ack"): Decision {
  const boot = bootOptions(packet, context);
  if (boot === null) return drop("NothingToBoot");
  const options = { messageType: type, serverId: context.server, ...boot.options };
  const yiaddr = NO_ADDRESS;
  return { kind: "Send", packet: reply(packet, { ...boot, yiaddr, options }), lease: null };
}

function send(
  packet: Packet,
  context: Context,
  type: "Offer" | "Ack",
  yiaddr: Ipv4,
  lease: Ipv4 | null,
): Decision {
  const boot = bootOptions(packet, context);
  const options: Options = {
    messageType: type,
    serverId: context.server,
    ...(yiaddr === NO_ADDRESS ? {} : times(context.leaseSeconds)),
    ...parameters(packet, context),
    ...boot?.options,
  };
  const { siaddr = NO_ADDRESS, file = "" } = boot ?? {};
  return { kind: "Send", packet: reply(packet, { yiaddr, siaddr, file, options }), lease };
}

function refuse(packet: Packet, { server }: Context): Decision {
  const options: Options = {
    messageType: "Nak",
    serverId: server,
    message: "this address belongs to another machine",
  };
  const nak = reply(packet, { yiaddr: NO_ADDRESS, siaddr: NO_ADDRESS, file: "", options });
  return { kind: "Send", packet: nak, lease: null };
}

/** T1 and T2 as RFC 2131 section 4.4.5 has them by default; said aloud, as clients differ. */
const times = (leaseSeconds: number): Options => ({
  leaseSeconds,
  renewSeconds: Math.floor(leaseSeconds / 2),
  rebindSeconds: Math.floor((leaseSeconds * 7) / 8),
});

/** What the subnet says, as far as the client asked for it (option 55). */
function parameters({ options: { parameters: wanted } }: Packet, context: Context): Options {
  const { subnet, known } = context;
  const asked = (code: number): boolean => wanted === undefined || wanted.includes(code);
  const hostname = known?.hostname;
  return {
    subnetMask: maskOf(subnet.cidr),
    ...(subnet.gateway === undefined ? {} : { routers: [subnet.gateway] }),
    ...(asked(28) ? { broadcast: broadcastOf(subnet.cidr) } : {}),
    ...(subnet.dns.length > 0 && asked(6) ? { dns: subnet.dns } : {}),
    ...(subnet.ntp.length > 0 && asked(42) ? { ntp: subnet.ntp } : {}),
    ...(subnet.domain !== undefined && asked(15) ? { domain: subnet.domain } : {}),
    ...(subnet.mtu !== undefined && asked(26) ? { mtu: subnet.mtu } : {}),
    ...(hostname !== undefined && asked(12) ? { hostname } : {}),
  };
}

/** The fields that a reply takes over from its request: RFC 2131 section 4.3.1, table 3. */
function reply(
  request: Packet,
  rest: Pick<Packet, "yiaddr" | "siaddr" | "file" | "options">,
): Packet {
  const { clientId, relayAgent } = request.options;
  const type = rest.options.messageType;
  return {
    op: "Reply",
    hops: 0,
    xid: request.xid,
    secs: 0,
    // To a relay a NAK carries the flag, so that it reaches a client with a wrong address.
    broadcast: request.broadcast || (type === "Nak" && request.giaddr !== NO_ADDRESS),
    ciaddr: type === "Ack" ? request.ciaddr : NO_ADDRESS,
    yiaddr: rest.yiaddr,
    siaddr: rest.siaddr,
    giaddr: request.giaddr,
    mac: request.mac,
    sname: "",
    file: rest.file,
    options: {
      ...rest.options,
      ...(clientId === undefined ? {} : { clientId }), // RFC 6842 section 3
      ...(relayAgent === undefined ? {} : { relayAgent }),
    },
  };
}

/** Where a reply goes. `Source`: back to the address and port that the request came from. */
export type Destination =
  | { readonly kind: "Source" }
  | { readonly kind: "Relay" | "Client"; readonly address: Ipv4 }
  | { readonly kind: "Broadcast" };

/**
 * RFC 2131 section 4.1. A client that has no address yet cannot answer ARP, and without raw
 * sockets we cannot do without: it gets a broadcast, whatever its flag says.
 */
export function destination(request: Packet, answer: Packet, port: Context["port"]): Destination {
  if (request.giaddr !== NO_ADDRESS) return { kind: "Relay", address: request.giaddr };
  if (port === "Pxe") return { kind: "Source" };
  if (answer.options.messageType === "Nak") return { kind: "Broadcast" };
  if (request.ciaddr !== NO_ADDRESS) return { kind: "Client", address: request.ciaddr };
  return { kind: "Broadcast" };
}
