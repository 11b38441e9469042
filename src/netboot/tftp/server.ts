import type { RemoteInfo, Socket } from "node:dgram";
import { once } from "node:events";
import type { Clock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";
import { type Ipv4, parseIpv4 } from "#base/ipv4.ts";
import type { Log } from "#base/log.ts";
import { openUdp } from "#netboot/socket/udp.ts";
import { safeName, type TftpFile } from "./file.ts";
import { negotiate } from "./negotiate.ts";
import { decodePacket, ERROR, encodePacket, MalformedPacket, type TftpPacket } from "./packet.ts";
import { Sender } from "./sender.ts";

export interface TftpInterface {
  readonly address: Ipv4;
  /** Needed only where two interfaces have the same network. */
  readonly device?: string;
  /** 69 by default; tests take others. */
  readonly port?: number;
}

export interface TftpDeps {
  /** By a path without "..", "/" at the start, or odd characters; `null`: there is none. */
  readonly resolve: (name: string, client: Ipv4) => Promise<TftpFile | null>;
  /** Called with "Read", and with what became of it; and with a reason for what was dropped. */
  readonly count: (event: string) => void;
  readonly clock: Clock;
  readonly log: Log;
  /** More wait for their client's next try. 256 by default. */
  readonly maxTransfers?: number;
}

/** How often overdue answers are looked for. */
const TICK = 200 as Duration;

type Request = TftpPacket & { readonly kind: "Read" | "Write" };

/** Serves reads until the signal comes; resolves once the sockets are bound. */
export async function serveTftp(
  where: readonly TftpInterface[],
  deps: TftpDeps,
  signal: AbortSignal,
): Promise<AsyncDisposable & { readonly ports: readonly number[] }> {
  await using opening = new AsyncDisposableStack();
  const closing = new AbortController();
  opening.defer(() => closing.abort());
  const server = new TftpServer(deps, AbortSignal.any([signal, closing.signal]));
  const ports: number[] = [];
  for (const each of where) ports.push(await server.listen(each));
  server.keepTime();
  const stack = opening.move();
  return { ports, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

class TftpServer {
  readonly #deps: TftpDeps;
  readonly #signal: AbortSignal;
  /** By the client's address and port. `null`: being opened. */
  readonly #senders = new Map<string, { readonly name: string; sender: Sender | null }>();

  constructor(deps: TftpDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  async listen(where: TftpInterface): Promise<number> {
    const options = { ...where, broadcast: false, reuse: true };
    const socket = await openUdp({ ...options, port: where.port ?? 69 }, this.#signal);
    socket.on("error", (err) => this.#deps.log.warn({ err }, "TFTP socket"));
    socket.on("message", (bytes, from) => this.#receive(socket, where, bytes, from));
    return socket.address().port;
  }

  keepTime(): void {
    const { clock, log } = this.#deps;
    const run = async (): Promise<void> => {
      while (!this.#signal.aborted) {
        await clock.sleep(TICK, this.#signal);
        for (const { sender } of this.#senders.values()) sender?.tick();
      }
    };
    run().catch((err: unknown) => {
      if (!this.#signal.aborted) log.error({ err }, "TFTP timer");
    });
  }

  #receive(socket: Socket, where: TftpInterface, bytes: Uint8Array, from: RemoteInfo): void {
    const { count, log } = this.#deps;
    const refuse = (code: number, message: string): void => {
      count(message);
      socket.send(
        encodePacket({ kind: "Error", code, message }),
        from.port,
        from.address,
        () => {},
      );
    };
    try {
      const packet = decodePacket(bytes);
      if (packet.kind === "Write") refuse(ERROR.AccessViolation, "ReadOnly");
      else if (packet.kind !== "Read") count("Unexpected");
      else if (packet.mode !== "octet") refuse(ERROR.IllegalOperation, "OctetOnly");
      else
        this.#read(packet, where, from, refuse).catch((err: unknown) => {
          if (this.#signal.aborted) return;
          log.warn({ err, name: packet.name }, "TFTP transfer");
          refuse(ERROR.Undefined, "Failed");
        });
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error;
      count("Malformed");
    }
  }

  async #read(
    request: Request,
    where: TftpInterface,
    from: RemoteInfo,
    refuse: (code: number, message: string) => void,
  ): Promise<void> {
    const { count, maxTransfers = 256 } = this.#deps;
    const client = `${from.address}:${from.port}`;
    const before = this.#senders.get(client);
    // The same request again: our first answer is on its way, or will be sent again.
    if (before?.name === request.name && before.sender?.answered !== true) return count("Repeated");
    if (before === undefined && this.#senders.size >= maxTransfers) return count("TooBusy");
    before?.sender?.abandon();
    count("Read");
    const entry = { name: request.name, sender: null };
    this.#senders.set(client, entry);
    try {
      const file = await this.#find(request.name, from);
      if (file === null) refuse(ERROR.NotFound, "NotFound");
      else count(await this.#transfer(request, { ...where, port: 0 }, from, file, entry));
    } finally {
      if (this.#senders.get(client) === entry) this.#senders.delete(client);
    }
  }

  async #find(name: string, from: RemoteInfo): Promise<TftpFile | null> {
    const path = safeName(name);
    const client = parseIpv4(from.address);
    return path === null || client === null ? null : await this.#deps.resolve(path, client);
  }

  /** On a port of its own: the server's transfer identifier (RFC 1350 section 4). */
  async #transfer(
    { options }: Request,
    where: TftpInterface & { readonly port: number },
    from: RemoteInfo,
    file: TftpFile,
    entry: { sender: Sender | null },
  ): Promise<string> {
    await using _ = file;
    const socket = await openUdp({ ...where, broadcast: false, reuse: false }, this.#signal);
    try {
      socket.connect(from.port, from.address);
      await once(socket, "connect", { signal: this.#signal });
      const sender = new Sender(socket, file, negotiate(options, file.size), this.#deps.clock);
      entry.sender = sender;
      sender.start();
      return await sender.ended;
    } finally {
      if (!this.#signal.aborted) socket.close();
    }
  }
}
