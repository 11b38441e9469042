import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer, type Server as Listener, type Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { createCa, fingerprint, type Issued, issueServer } from "#pki/certificate.ts";
import type { RedfishBmc } from "./redfish-bmc.ts";

/** Where a BMC listens. Port 0: any. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

interface Place {
  readonly listener: Listener;
  readonly sockets: Set<Socket>;
  host: string;
  port: number;
  bmc: RedfishBmc;
}

interface Shown {
  readonly context: SecureContext;
  readonly fingerprint: string;
}

/**
 * Redfish over TLS for many BMCs in one process: a listener and a certificate for each, one HTTP
 * server behind all. A dead BMC does not listen at all.
 */
export class RedfishServer implements AsyncDisposable {
  /** Who signed the certificates; for policies that verify. */
  readonly ca: Issued;
  readonly #http: Server;
  readonly #places = new Map<string, Place>();
  readonly #shown = new WeakMap<RedfishBmc, Shown>();
  /** The host that each certificate names: where the BMC was first put. */
  readonly #homes = new WeakMap<RedfishBmc, string>();
  readonly #owners = new WeakMap<Socket, RedfishBmc>();
  readonly #stop = new AbortController();

  constructor() {
    this.ca = createCa("simulated BMCs", { now: Date.now() });
    this.#http = createHttpServer({ keepAliveTimeout: 30_000 }, (request, response) => {
      void this.#serve(request, response);
    });
  }

  /** Puts a BMC on the wire. Resolves to its address, as `spec.bmc.address` wants it. */
  async add(name: string, bmc: RedfishBmc, endpoint: Endpoint): Promise<string> {
    const listener = createServer((socket) => this.#accept(name, socket));
    const place: Place = { listener, sockets: new Set(), bmc, ...endpoint };
    this.#places.set(name, place);
    this.#homes.set(bmc, endpoint.host);
    await listen(place);
    return this.address(name);
  }

  address(name: string): string {
    const { host, port } = this.#place(name);
    return `redfish://${host}:${port}`;
  }

  /** The BMC that is found at this address now; see {@link swap}. */
  at(name: string): RedfishBmc {
    return this.#place(name).bmc;
  }

  /** SHA-256 of the certificate that it shows, lower-case hex. */
  fingerprint(bmc: RedfishBmc): string {
    return this.#certificate(bmc).fingerprint;
  }

  /** A new key and certificate, as after a firmware update gone wrong. */
  renewCertificate(bmc: RedfishBmc): void {
    this.#shown.delete(bmc);
    for (const place of this.#places.values()) if (place.bmc === bmc) hangUp(place);
  }

  /** Exchanges two BMCs, with their certificates: two cables were mixed up. */
  swap(one: string, other: string): void {
    const [a, b] = [this.#place(one), this.#place(other)];
    [a.bmc, b.bmc] = [b.bmc, a.bmc];
    hangUp(a);
    hangUp(b);
  }

  /** Makes the listener agree with `faults.dead`. Call it after the faults were changed. */
  async refresh(bmc: RedfishBmc): Promise<void> {
    const places = Array.from(this.#places.values()).filter((place) => place.bmc === bmc);
    for (const place of places) {
      if (bmc.faults.dead && place.listener.listening) await close(place);
      if (!bmc.faults.dead && !place.listener.listening) await listen(place);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    const open = Array.from(this.#places.values()).filter(({ listener }) => listener.listening);
    await Promise.all(open.map(close));
  }

  #place(name: string): Place {
    const place = this.#places.get(name);
    if (place === undefined) throw new Error(`no BMC ${name}`);
    return place;
  }

  #accept(name: string, socket: Socket): void {
    const { bmc, sockets } = this.#place(name);
    const secure = new TLSSocket(socket, {
      isServer: true,
      secureContext: this.#certificate(bmc).context,
    });
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    secure.on("error", () => socket.destroy());
    this.#owners.set(secure, bmc);
    secure.once("secure", () => this.#http.emit("connection", secure));
  }

  #certificate(bmc: RedfishBmc): Shown {
    const known = this.#shown.get(bmc);
    if (known !== undefined) return known;
    const ips = [this.#homes.get(bmc) ?? "127.0.0.1"];
    const issued = issueServer(this.ca, { dns: [], ips }, { now: Date.now() });
    const context = createSecureContext({ key: issued.key, cert: issued.certificate });
    const made = { context, fingerprint: fingerprint(new X509Certificate(issued.certificate).raw) };
    this.#shown.set(bmc, made);
    return made;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const bmc = this.#owners.get(request.socket);
    if (bmc === undefined || bmc.faults.hang) return;
    try {
      const body = await bodyOf(request);
      const { method = "", url: path = "", headers } = request;
      const reply = await bmc.answer({ method, path, headers, body }, this.#stop.signal);
      const text = reply.body === null ? "" : JSON.stringify(reply.body);
      response.writeHead(reply.status, {
        "content-type": "application/json",
        "odata-version": "4.0",
        "content-length": Buffer.byteLength(text),
        ...reply.headers,
      });
      response.end(text);
    } catch {
      response.destroy(); // the client went away, or we are closing
    }
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function listen(place: Place): Promise<void> {
  place.listener.listen(place.port, place.host);
  await once(place.listener, "listening");
  const address = place.listener.address();
  if (typeof address === "object" && address !== null) place.port = address.port;
}

async function close(place: Place): Promise<void> {
  const closed = once(place.listener, "close");
  place.listener.close();
  hangUp(place);
  await closed;
}

function hangUp({ sockets }: Place): void {
  for (const socket of sockets) socket.destroy();
}
