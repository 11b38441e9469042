import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { Socket } from "node:net";
import { systemClock } from "#base/clock.ts";
import { Failure } from "#base/failure.ts";
import { Credentials } from "#bmc/credentials.ts";
import type { BmcDriver } from "#bmc/driver.ts";
import { openGate } from "#bmc/gate.ts";
import { type OpenDeps, openBmc } from "#bmc/open.ts";
import type { TlsPolicy } from "#bmc/tls.ts";
import { createCa, fingerprint, issueServer } from "#pki/certificate.ts";

/** One request as it came. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Answers the request itself and returns true, or leaves it to the BMC by returning false. */
export type Fault = (seen: Seen, response: ServerResponse) => boolean;

const now = Date.now();
export const CA = createCa("bad BMCs", { now });
const CERTIFICATE = issueServer(CA, { dns: [], ips: ["127.0.0.1"] }, { now });
export const FINGERPRINT = fingerprint(new X509Certificate(CERTIFICATE.certificate).raw);

export const PASSWORD = "calvin-secret";
export const TRUSTED: TlsPolicy = { mode: "Verify", ca: CA.certificate };

/** A driver for it that trusts it. */
export const openBad = (
  address: string,
  tls: TlsPolicy = TRUSTED,
  deps: OpenDeps = { clock: systemClock, gate: openGate },
): BmcDriver => openBmc(address, new Credentials("root", PASSWORD), tls, deps);

/** The failure that `work` ends in. */
export async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const caught: unknown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  if (caught instanceof Failure) return caught;
  throw new Error(`no Failure, but ${String(caught)}`, { cause: caught });
}

export const soon = (): AbortSignal => AbortSignal.timeout(5_000);
export const isSystem = ({ method, path }: Seen, of = "GET"): boolean =>
  method === of && path === SYSTEM;
export const isReset = ({ method, path }: Seen): boolean =>
  method === "POST" && path.endsWith("Reset");

const SESSIONS = "/redfish/v1/SessionService/Sessions";
const SYSTEM = "/redfish/v1/Systems/1";

/**
 * A small Redfish service over TLS on loopback whose `fault` a test may replace at any time: for
 * what goes wrong on the wire. What a well-behaved BMC does is the simulator's subject.
 */
export class BadBmc implements AsyncDisposable {
  fault: Fault = () => false;
  readonly seen: Seen[] = [];
  connections = 0;
  readonly sessions = new Set<string>();
  /** The ComputerSystem; PATCHes of Boot and resets change it. */
  readonly system: Record<string, unknown> & { PowerState: string; Boot: Record<string, unknown> } =
    {
      "@odata.id": SYSTEM,
      PowerState: "Off",
      UUID: "4C4C4544-0035-5810-8054-B3C04F4D4431",
      SerialNumber: "SN-1 ",
      Manufacturer: "Bad",
      Model: "To be filled by O.E.M.",
      Boot: {
        BootSourceOverrideEnabled: "Disabled",
        BootSourceOverrideTarget: "None",
        BootSourceOverrideMode: "UEFI",
        "BootSourceOverrideTarget@Redfish.AllowableValues": ["None", "Pxe", "Hdd", "UefiHttp"],
      },
      Actions: {
        "#ComputerSystem.Reset": {
          target: `${SYSTEM}/Actions/ComputerSystem.Reset`,
          "ResetType@Redfish.AllowableValues": ["On", "ForceOff", "ForceRestart"],
        },
      },
    };
  etag = 1;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer({ key: CERTIFICATE.key, cert: CERTIFICATE.certificate });
    this.#server.on("secureConnection", () => {
      this.connections += 1;
    });
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("request", (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { method = "", url: path = "", headers } = request;
        const seen = { method, path, headers, body: Buffer.concat(chunks).toString() };
        this.seen.push(seen);
        if (!this.fault(seen, response)) this.#answer(seen, response);
      });
    });
  }

  static async start(fault?: Fault): Promise<BadBmc> {
    const bmc = new BadBmc();
    if (fault !== undefined) bmc.fault = fault;
    bmc.#server.listen(0, "127.0.0.1");
    await once(bmc.#server, "listening");
    return bmc;
  }

  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("not listening");
    return `redfish://127.0.0.1:${address.port}`;
  }

  /** "GET /redfish/v1/Systems/1", … in the order of coming. */
  get requests(): readonly string[] {
    return this.seen.map(({ method, path }) => `${method} ${path}`);
  }

  /** Cuts every connection with a TCP RST. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #answer(seen: Seen, response: ServerResponse): void {
    const { method, path } = seen;
    if (path === "/redfish/v1/") {
      json(response, 200, { Links: { Sessions: { "@odata.id": SESSIONS } } });
    } else if (method === "POST" && path === SESSIONS) {
      this.#logIn(response);
    } else if (!this.sessions.has(String(seen.headers["x-auth-token"]))) {
      empty(response, 401);
    } else if (method === "DELETE") {
      this.sessions.delete(path.slice(SESSIONS.length + 1));
      empty(response, 204);
    } else if (path === "/redfish/v1/Systems") {
      json(response, 200, { Members: [{ "@odata.id": SYSTEM }] });
    } else {
      this.#systems(seen, response);
    }
  }

  #logIn(response: ServerResponse): void {
    const token = `t${this.seen.length}`;
    this.sessions.add(token);
    const headers = { "x-auth-token": token, location: `${SESSIONS}/${token}` };
    json(response, 201, {}, headers);
  }

  #systems({ method, path, body }: Seen, response: ServerResponse): void {
    if (path !== SYSTEM && method !== "POST") {
      empty(response, 404);
      return;
    }
    if (method === "GET") {
      json(response, 200, this.system, { etag: `W/"${this.etag}"` });
      return;
    }
    if (method === "PATCH") Object.assign(this.system.Boot, JSON.parse(body).Boot);
    if (method === "POST") this.system.PowerState = body.includes("Off") ? "Off" : "On";
    this.etag += 1;
    empty(response, 204);
  }
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-length": Buffer.byteLength(text), ...headers }).end(text);
}

export function empty(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { "content-length": 0, ...headers }).end();
}
