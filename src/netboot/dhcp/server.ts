import type { RemoteInfo, Socket } from "node:dgram";
import type { Clock } from "#base/clock.ts";
import { type Duration, minutes } from "#base/duration.ts";
import type { Ipv4 } from "#base/ipv4.ts";
import type { Log } from "#base/log.ts";
import { openUdp } from "#netboot/socket/udp.ts";
import { Attempts } from "./attempts.ts";
import { clientOf } from "./client.ts";
import type { Client, Site } from "./context.ts";
import type { LeaseFile } from "./lease-file.ts";
import type { Leases } from "./leases.ts";
import { decodePacket, encodePacket, MalformedPacket, NO_ADDRESS, type Packet } from "./packet.ts";
import { type Context, type Decision, decide, destination } from "./reply.ts";

/**
 * One interface that we serve. With `device` the sockets take whatever reaches that interface;
 * without one they are bound to `address`, which broadcasts do not reach.
 */
export interface DhcpInterface {
  readonly address: Ipv4;
  readonly device?: string;
  /** 67 by default; tests take others. */
  readonly port?: number;
  /** 4011 by default: where PXE clients ask again. */
  readonly proxyPort?: number;
  /** 68 by default: where answers go that have no source port to follow. */
  readonly clientPort?: number;
}

export interface DhcpDeps {
  /** Synchronous, from memory. `null`: this client's subnet is not ours; counted as a drop. */
  readonly site: (client: Client) => Site | null;
  /** Dynamic leases of all subnets together, and the file that makes them last. */
  readonly leases: Leases;
  readonly leaseFile: Pick<LeaseFile, "append">;
  /** Whether somebody answers for an address that we are about to offer. */
  readonly taken: (address: Ipv4, signal: AbortSignal) => Promise<boolean>;
  /** A client took the offer of this server, which is not us. */
  readonly foreign?: (server: Ipv4, client: Client) => void;
  /** Called for each packet: "Discover", "Offer", …, or a reason why it was dropped. */
  readonly count: (event: string) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Design section 4: dynamic leases are for unknown machines and short. */
const MAX_DYNAMIC_SECONDS = minutes(60) / 1_000;
/** Tries to find an address that nobody answers for. */
const MAX_TRIES = 3;
/** Offers that wait for a probe, over all interfaces; more are dropped, and come again. */
const MAX_PENDING = 1_024;

/** Serves until the signal comes; resolves once the sockets are bound, or rejects if they cannot be. */
export async function serveDhcp(
  where: readonly DhcpInterface[],
  deps: DhcpDeps,
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  await using opening = new AsyncDisposableStack();
  const closing = new AbortController();
  opening.defer(() => closing.abort());
  const server = new DhcpServer(deps, AbortSignal.any([signal, closing.signal]));
  for (const each of where) {
    await server.listen(each, "Dhcp");
    await server.listen(each, "Pxe");
  }
  return opening.move();
}

interface At {
  readonly where: DhcpInterface;
  readonly port: Context["port"];
  readonly socket: Socket;
}

interface Came extends At {
  readonly packet: Packet;
  readonly from: RemoteInfo;
}

interface Arrival extends Came {
  readonly context: Context;
}

class DhcpServer {
  readonly #deps: DhcpDeps;
  readonly #signal: AbortSignal;
  readonly #attempts = new Attempts();
  #pending = 0;

  constructor(deps: DhcpDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  async listen(where: DhcpInterface, port: Context["port"]): Promise<Socket> {
    const { device } = where;
    const socket = await openUdp(
      {
        address: device === undefined ? where.address : NO_ADDRESS,
        port: port === "Dhcp" ? (where.port ?? 67) : (where.proxyPort ?? 4011),
        ...(device === undefined ? {} : { device }),
        broadcast: true,
        reuse: true,
      },
      this.#signal,
    );
    socket.on("error", (err) => this.#deps.log.warn({ err, device }, "DHCP socket"));
    socket.on("message", (bytes, from) => this.#receive(bytes, from, { where, port, socket }));
    return socket;
  }

  #receive(bytes: Uint8Array, from: RemoteInfo, at: At): void {
    const { count, log } = this.#deps;
    try {
      const packet = decodePacket(bytes);
      if (packet.op === "Request") this.#route(packet, from, at);
      else count("NotARequest");
    } catch (err) {
      // A bug of ours must not end the service for all other machines.
      if (!(err instanceof MalformedPacket)) log.error({ err }, "DHCP packet");
      count(err instanceof MalformedPacket ? "Malformed" : "Failed");
    }
  }

  #route(packet: Packet, from: RemoteInfo, at: At): void {
    const { count } = this.#deps;
    count(packet.options.messageType ?? "Bootp");
    const client = clientOf(packet, at.where.device ?? at.where.address);
    const site = this.#deps.site(client);
    if (site === null) count("UnknownSubnet");
    else this.#answer({ packet, from, ...at }, client, site);
  }

  #answer(came: Came, client: Client, site: Site): void {
    const { packet, port } = came;
    this.#noteForeign(packet, client, site);
    const dynamic = site.known === null && site.slices.length > 0;
    const context: Context = {
      ...site,
      client,
      port,
      leaseSeconds: dynamic ? Math.min(site.leaseSeconds, MAX_DYNAMIC_SECONDS) : site.leaseSeconds,
      leased: dynamic ? this.#deps.leases.held(client.mac, site.slices, this.#now()) : null,
      attempt: packet.options.messageType === "Discover" ? this.#attempts.count(packet) : 1,
    };
    const arrival = { ...came, context };
    if (dynamic && port === "Dhcp") this.#later(arrival);
    else this.#perform(arrival, decide(packet, context));
  }

  #now = (): number => this.#deps.clock.now();

  #noteForeign({ options }: Packet, client: Client, { server, mode }: Site): void {
    if (mode === "Proxy" || options.messageType !== "Request") return;
    if (options.serverId !== undefined && options.serverId !== server) {
      this.#deps.foreign?.(options.serverId, client);
    }
  }

  /** Dynamic addresses take time: a probe before the offer, a disk before the Ack. */
  #later(arrival: Arrival): void {
    const { count, log } = this.#deps;
    if (this.#pending >= MAX_PENDING) {
      count("TooBusy");
      return;
    }
    this.#pending += 1;
    this.#answerDynamic(arrival)
      .catch((err: unknown) => {
        if (this.#signal.aborted) return;
        count("LeaseNotSaved");
        log.error({ err }, "cannot save a lease");
      })
      .finally(() => {
        this.#pending -= 1;
      });
  }

  async #answerDynamic(arrival: Arrival): Promise<void> {
    const { packet, context } = arrival;
    const { mac } = packet;
    const { leases } = this.#deps;
    const type = packet.options.messageType;
    const discover = type === "Discover" && context.mode === "Server";
    const leased = discover && context.leased === null ? await this.#find(arrival) : context.leased;
    const decision = decide(packet, { ...context, leased });
    if (decision.kind === "Drop") {
      if (decision.reason === "Declined") this.#decline(packet, context);
      if (decision.reason === "Released") leases.release(mac, packet.ciaddr);
    } else if (decision.lease !== null) {
      const time = (context.leaseSeconds * 1_000) as Duration;
      const now = this.#now();
      await this.#deps.leaseFile.append(leases.commit(mac, decision.lease, time, now));
    }
    this.#perform(arrival, decision);
  }

  /** An address that is free by our book, and for which nobody answers. */
  async #find({ packet, context }: Arrival): Promise<Ipv4 | null> {
    const { leases, taken, count } = this.#deps;
    const wanted = packet.options.requestedAddress ?? null;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const address = leases.offer(packet.mac, context.slices, wanted, this.#now());
      if (address === null || context.client.relay !== null) return address;
      if (!(await taken(address, this.#signal))) return address;
      count("Conflict");
      leases.decline(address, this.#now());
    }
    return null;
  }

  /** Only what is the client's own: anybody may send a Decline. */
  #decline({ options, mac }: Packet, { leased }: Context): void {
    const { leases, log } = this.#deps;
    if (leased === null || options.requestedAddress !== leased) return;
    leases.decline(leased, this.#now());
    log.warn({ mac, address: leased }, "an address is in use by another host");
  }

  #perform({ packet, context, socket, from, where }: Arrival, decision: Decision): void {
    const { count } = this.#deps;
    if (decision.kind === "Drop") {
      count(decision.reason);
      return;
    }
    if (this.#signal.aborted) return; // the socket is closed
    const { packet: answer } = decision;
    const to = destination(packet, answer, context.port);
    const bytes = encodePacket(answer, packet.options.maxSize);
    const { clientPort = 68, port = 67 } = where;
    switch (to.kind) {
      case "Relay":
        socket.send(bytes, port, to.address, this.#sent);
        break;
      case "Client":
        socket.send(bytes, clientPort, to.address, this.#sent);
        break;
      case "Source":
        socket.send(bytes, from.port, from.address, this.#sent);
        break;
      case "Broadcast":
        socket.send(bytes, clientPort, "255.255.255.255", this.#sent);
    }
    count(answer.options.messageType ?? "Reply");
  }

  #sent = (error: Error | null): void => {
    if (error !== null) this.#deps.count("NotSent");
  };
}
