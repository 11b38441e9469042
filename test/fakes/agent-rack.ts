import { createHash, createPublicKey, verify } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { BootParameters } from "#agent/boot-parameters.ts";
import {
  HEADERS,
  Hello,
  Order,
  Report,
  rackName,
  type Seed,
  signedText,
  Welcome,
} from "#api/agent.ts";
import { Inventory } from "#api/machine-inventory.ts";
import { createCa, issueServer } from "#pki/certificate.ts";

const LOOPBACK = "127.0.0.1";

interface Reply {
  readonly status: number;
  readonly body?: unknown;
}

/** Ed25519's SubjectPublicKeyInfo without the key (RFC 8410 section 4). */
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

/**
 * A rack as an agent sees it: TLS under a zone's CA, sessions, signatures that are checked. A test
 * says what it is to order and to refuse, and looks at what came.
 */
export class AgentRack implements AsyncDisposable {
  readonly hellos: Hello[] = [];
  readonly reports: Report[] = [];
  readonly inventories: Inventory[] = [];
  /** Everything that came, in order: method, path, and for reports the state. */
  readonly trace: string[] = [];
  /** Handed out one after the other: at hello the first, then by long poll. */
  orders: Omit<Order, "session">[] = [];
  /** Digest → bytes. */
  readonly images = new Map<string, Buffer>();
  seed: Seed = { "meta-data": "{}", "user-data": "#cloud-config\n", "vendor-data": "" };
  lingerSeconds = 0;
  /** Renews the session in each answer without a body. */
  renews = false;
  /**
   * Asked for each request of the API; a status other than `null` is sent instead of an answer.
   * "lost": the request is heard, its answer is not.
   */
  answer: (path: string, report: Report | null) => number | "lost" | null = () => null;
  /** Bytes of each image that come; the rest never does. */
  imageBytes = Number.POSITIVE_INFINITY;
  readonly boot: BootParameters;
  readonly #servers: readonly Server[];
  /** What requests must show. */
  #session = "session-1";
  #key = "";
  #lastTime = 0;

  static async start(): Promise<AgentRack> {
    const now = Date.now();
    const ca = createCa("zone-a", { now });
    const tls = issueServer(ca, { dns: [rackName("zone-a")], ips: [] }, { now });
    let rack: AgentRack | null = null;
    const plain = createServer((request, response) =>
      rack?.plain(request, response, ca.certificate),
    );
    const secure = createSecureServer(
      { cert: tls.certificate, key: tls.key },
      (request, response) => {
        rack?.serve(request, response).catch((error) => response.writeHead(500).end(String(error)));
      },
    );
    const [http, https] = await Promise.all([listen(plain), listen(secure)]);
    const der = Buffer.from(ca.certificate.replace(/-----[^-]+-----|\s/g, ""), "base64");
    const boot = {
      rackUrl: `http://${LOOPBACK}:${http}`,
      api: `${LOOPBACK}:${https}`,
      caSha256: createHash("sha256").update(der).digest("hex"),
      token: "token-1",
      isStranger: false,
    };
    rack = new AgentRack(boot, [plain, secure]);
    return rack;
  }

  private constructor(boot: BootParameters, servers: readonly Server[]) {
    this.boot = boot;
    this.#servers = servers;
  }

  /** The last report. */
  get last(): Report | undefined {
    return this.reports.at(-1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  plain(...[request, response, ca]: [...Parameters<RequestListener>, string]): void {
    const path = request.url ?? "";
    if (path === "/time") return void response.end(String(Date.now()));
    if (path === "/ca.pem") return void response.end(ca);
    const image = this.images.get(path.replace("/images/", ""));
    if (image === undefined) return void response.writeHead(404).end();
    if (image.length <= this.imageBytes) response.end(image);
    else
      response
        .writeHead(200, { "content-length": image.length })
        .write(image.subarray(0, this.imageBytes));
  }

  async serve(...[request, response]: Parameters<RequestListener>): Promise<void> {
    const body = await bodyOf(request);
    const path = (request.url ?? "").replace(/\?.*/, "").replace("/agent/v1/", "");
    const report = path === "report" ? Report.parse(JSON.parse(body.toString())) : null;
    this.trace.push(report === null ? path : `report ${report.state}`);
    const said = this.answer(path, report);
    if (said === "lost") {
      if (path === "hello") this.hellos.push(Hello.parse(JSON.parse(body.toString())));
      response.destroy();
      return;
    }
    const { status, body: reply } =
      said === null ? this.#reply(request, path, body, report) : { status: said, body: "no" };
    const anew = this.renews && status === 204;
    if (anew) this.#session = `renewed-${this.trace.length}`;
    response.writeHead(status, {
      "content-type": "application/json",
      ...(anew && { [HEADERS.session]: this.#session }),
    });
    response.end(reply === undefined ? "" : JSON.stringify(reply));
  }

  #reply(request: IncomingMessage, path: string, body: Buffer, report: Report | null): Reply {
    if (path === "hello") return this.#welcome(Hello.parse(JSON.parse(body.toString())));
    if (!this.#isSigned(request, body)) return { status: 403, body: "not signed" };
    if (report !== null) this.reports.push(report);
    if (path === "inventory") this.inventories.push(Inventory.parse(JSON.parse(body.toString())));
    if (path === "seed") return { status: 200, body: this.seed };
    if (path !== "next") return { status: 204 };
    const order = this.#order();
    return order === undefined ? { status: 204 } : { status: 200, body: order };
  }

  #welcome(hello: Hello): Reply {
    this.hellos.push(hello);
    if (hello.token !== this.boot.token) return { status: 403, body: "token" };
    this.#key = hello.agentKey;
    const { lingerSeconds } = this;
    const order = this.#order();
    const welcome = { session: this.#session, lingerSeconds, ...(order && { order }) };
    return { status: 200, body: Welcome.parse(welcome) };
  }

  #order(): Order | undefined {
    const order = this.orders.shift();
    return order === undefined ? undefined : Order.parse({ ...order, session: this.#session });
  }

  #isSigned({ method = "", url = "", headers }: IncomingMessage, body: Buffer): boolean {
    const text = (name: string): string => String(headers[name] ?? "");
    const time = text(HEADERS.time);
    const fresh = Number(time) > this.#lastTime && Math.abs(Number(time) - Date.now()) < 60_000;
    this.#lastTime = Number(time);
    const hash = createHash("sha256").update(body).digest("hex");
    const der = Buffer.concat([SPKI, Buffer.from(this.#key, "base64")]);
    const key = createPublicKey({ key: der, format: "der", type: "spki" });
    const signature = Buffer.from(text(HEADERS.signature), "base64");
    const right = verify(null, Buffer.from(signedText(method, url, time, hash)), key, signature);
    return fresh && right && text(HEADERS.session) === this.#session;
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
  const address = server.address();
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}
