import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type Duration, seconds } from "#base/duration.ts";
import { fromNumber, type Ipv4 } from "#base/ipv4.ts";
import type { Mac } from "#base/mac.ts";
import type { Options } from "#netboot/dhcp/options.ts";
import { decodePacket, encodePacket, type Packet } from "#netboot/dhcp/packet.ts";

/**
 * A DHCP relay agent (RFC 2131 section 4.1, RFC 1542) with its clients in the same process: the way
 * to a rack's server on loopback, where there are no broadcasts.
 */
export class DhcpRelay implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #giaddr: Ipv4;
  readonly #server: { readonly address: Ipv4; readonly port: number };
  readonly #waiting = new Map<number, (packet: Packet) => void>();
  #xid = 1;
  /** For an answer to the first message; the next ones wait for twice as long as the last. */
  firstWait: Duration = seconds(1);

  /**
   * Listens on the server's port, where RFC 2131 sends answers for a relay.
   * @param giaddr in the subnet that the clients are in, and an address of this host
   */
  static async open(
    giaddr: Ipv4,
    server: { readonly address: Ipv4; readonly port: number },
    signal: AbortSignal,
  ): Promise<DhcpRelay> {
    const socket = createSocket("udp4");
    socket.bind({ address: giaddr, port: server.port, exclusive: true });
    await once(socket, "listening", { signal });
    return new DhcpRelay(socket, giaddr, server);
  }

  private constructor(socket: Socket, giaddr: Ipv4, server: { address: Ipv4; port: number }) {
    this.#socket = socket;
    this.#giaddr = giaddr;
    this.#server = server;
    socket.on("message", (bytes) => this.#receive(bytes));
    socket.on("error", () => {}); // a server that is not up yet: the client asks again
  }

  /** The port that it listens on, and sends to. */
  get port(): number {
    return this.#server.port;
  }

  /** Sends a client's message until an answer comes; `null` after a few tries without one. */
  async ask(mac: Mac, options: Options, signal: AbortSignal): Promise<Packet | null> {
    const xid = this.#xid++;
    for (let tried = 0; tried < TRIES; tried++) {
      const packet = this.#request(xid, mac, options, tried);
      const { address, port } = this.#server;
      const wait = (this.firstWait * 2 ** tried) as Duration;
      const answer = this.#answer(xid, wait, signal);
      this.#socket.send(encodePacket(packet, MAX_SIZE), port, address);
      const found = await answer;
      if (found !== null) return found;
    }
    return null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.close();
    });
  }

  #request(xid: number, mac: Mac, options: Options, tried: number): Packet {
    const none = fromNumber(0);
    return {
      op: "Request",
      hops: 1,
      xid,
      secs: tried * 4,
      broadcast: true,
      ciaddr: none,
      yiaddr: none,
      siaddr: none,
      giaddr: this.#giaddr,
      mac,
      sname: "",
      file: "",
      options: { ...options, maxSize: MAX_SIZE },
    };
  }

  #answer(xid: number, time: Duration, signal: AbortSignal): Promise<Packet | null> {
    return new Promise((resolve, reject) => {
      const finish = (packet: Packet | null): void => {
        clearTimeout(timer);
        this.#waiting.delete(xid);
        signal.removeEventListener("abort", stop);
        resolve(packet);
      };
      const stop = (): void => {
        reject(signal.reason);
        finish(null);
      };
      const timer = setTimeout(() => finish(null), time);
      this.#waiting.set(xid, finish);
      signal.addEventListener("abort", stop, { once: true });
    });
  }

  #receive(bytes: Uint8Array): void {
    const packet = decodePacket(bytes);
    if (packet.op === "Reply") this.#waiting.get(packet.xid)?.(packet);
  }
}

/** As many as firmware. */
const TRIES = 5;
const MAX_SIZE = 1_472;

/** What a boot ROM learned: an address and what to load from where. */
export interface Lease {
  readonly address: Ipv4;
  readonly server: Ipv4;
  readonly bootFile: string;
}

/** Discover, Offer, Request, Ack (RFC 2131 section 3.1). `null`: no answer, or nothing to boot. */
export async function lease(
  relay: DhcpRelay,
  mac: Mac,
  options: Options,
  signal: AbortSignal,
): Promise<Lease | null> {
  signal.throwIfAborted();
  const offer = await relay.ask(mac, { ...options, messageType: "Discover" }, signal);
  if (offer?.options.messageType !== "Offer" || offer.options.serverId === undefined) return null;
  const wanted = { requestedAddress: offer.yiaddr, serverId: offer.options.serverId };
  const ack = await relay.ask(mac, { ...options, ...wanted, messageType: "Request" }, signal);
  const bootFile = ack?.options.bootFile ?? ack?.file ?? "";
  if (ack?.options.messageType !== "Ack" || bootFile === "") return null;
  return { address: ack.yiaddr, server: ack.siaddr, bootFile };
}
