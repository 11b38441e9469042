import { isDeepStrictEqual } from "node:util";
import { KubeConfig } from "@kubernetes/client-node";
import { Agent, type buildConnector, type Dispatcher, ProxyAgent } from "undici";
import type { Clock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";

/** Where and as whom to call. */
export interface Connection {
  readonly origin: string;
  /** What stands before `/api` in the server's URL, mostly "". */
  readonly prefix: string;
  /** Pools of kept-alive connections, and the headers that say who we are. */
  open(): Promise<OpenConnection>;
  /** The server did not know us: read token and certificates anew at the next {@link open}. */
  refresh(): void;
  close(): Promise<void>;
}

export interface OpenConnection {
  readonly dispatcher: Dispatcher;
  readonly headers: Readonly<Record<string, string>>;
}

/** Nobody can be called by these settings. The message is for who gave them. */
export class KubeConfigError extends Error {
  override readonly name = "KubeConfigError";
}

/**
 * From `file`, else from where kubectl and pods look: KUBECONFIG, ~/.kube/config, service account.
 * Throws {@link KubeConfigError} where that names no API server.
 */
export function loadKubeConfig(file?: string, context?: string): KubeConfig {
  const config = new KubeConfig();
  const what = file === undefined ? "the kubeconfig (KUBECONFIG, ~/.kube/config)" : file;
  try {
    if (file === undefined) config.loadFromDefault();
    else config.loadFromFile(file);
  } catch (cause) {
    const [why] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    throw new KubeConfigError(`${what} cannot be read: ${why}. ${WHERE}`, { cause });
  }
  if (context !== undefined) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const named = config.getCurrentContext() || "none";
    const help = "Set it to one that is there: kubectl config use-context";
    throw new KubeConfigError(`${what}: its current-context (${named}) names no cluster. ${help}`);
  }
  if (config.getCurrentContext() === "loaded-context" && cluster.server === GUESS) {
    throw new KubeConfigError(`No kubeconfig was found, and this is no pod. ${WHERE}`);
  }
  if (!URL.canParse(cluster.server)) {
    throw new KubeConfigError(`${what}: the cluster's server (${cluster.server}) is no URL`);
  }
  return config;
}

const WHERE =
  "Name one that kubectl can use by --kubeconfig or KUBECONFIG. In a pod give neither: the ServiceAccount's token is found by itself.";
const GUESS = "http://localhost:8080"; // what client-node takes when it finds nothing at all

const FRESH = seconds(30); // tokens and certificates on disk are renewed long before they end
// The API server closes an idle connection after 90 s; we do so before it, or a request meets the end.
const POOL = { keepAliveTimeout: seconds(50), keepAliveMaxTimeout: seconds(50), allowH2: false };

/**
 * By what a kubeconfig says: CA, client certificate, token, token file, exec plug-in, proxy.
 *
 * client-node reads and renews the credentials, but its own requests end their connection each; ours
 * keep it, and speak HTTP/1.1, which costs Node a third of the CPU of HTTP/2.
 */
export class KubeConfigConnection implements Connection {
  readonly origin: string;
  readonly prefix: string;
  readonly #config: KubeConfig;
  readonly #clock: Clock;
  #options: unknown;
  #open: OpenConnection | null = null;
  #readAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<OpenConnection> | null = null;

  constructor(config: KubeConfig, clock: Clock) {
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new KubeConfigError("the kubeconfig names no cluster");
    const { origin, pathname } = new URL(cluster.server);
    this.origin = origin;
    this.prefix = pathname.replace(/\/$/, "");
    this.#config = config;
    this.#clock = clock;
  }

  async open(): Promise<OpenConnection> {
    if (this.#open !== null && this.#clock.now() - this.#readAt < FRESH) return this.#open;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  refresh(): void {
    this.#readAt = Number.NEGATIVE_INFINITY;
  }

  async close(): Promise<void> {
    await this.#open?.dispatcher.destroy();
    this.#open = null;
  }

  async #read(): Promise<OpenConnection> {
    const tls: Parameters<KubeConfig["applyToHTTPSOptions"]>[0] = {};
    await this.#config.applyToHTTPSOptions(tls);
    const { agent: _, auth, headers, ...agentOptions } = tls;
    const cluster = this.#config.getCurrentCluster();
    const options = this.#config.createDispatcherOptions(cluster, agentOptions);
    const old = this.#open;
    const same = old !== null && isDeepStrictEqual(options, this.#options);
    const dispatcher = same ? old.dispatcher : dispatcherOf(options);
    if (!same) old?.dispatcher.close().catch(() => undefined); // what is under way ends by itself
    this.#options = options;
    this.#open = { dispatcher, headers: headersOf(headers, auth) };
    this.#readAt = this.#clock.now();
    return this.#open;
  }
}

type Tls = buildConnector.BuildOptions; // the same words for undici as for Node, typed apart

function dispatcherOf(options: ReturnType<KubeConfig["createDispatcherOptions"]>): Dispatcher {
  const timeout = seconds(10);
  switch (options.type) {
    case "proxy":
      return new ProxyAgent({ ...POOL, uri: options.uri, requestTls: options.requestTls as Tls });
    case "socks":
      throw new Error("a SOCKS proxy to the API server is not supported: use an HTTP proxy");
    case "agent":
      return new Agent({ ...POOL, connect: { ...(options.connect as Tls), timeout } });
    case "none":
      return new Agent({ ...POOL, connect: { timeout } });
  }
}

function headersOf(given: unknown, auth: string | null | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  if (typeof auth === "string") {
    headers["authorization"] = `Basic ${Buffer.from(auth).toString("base64")}`;
  }
  for (const [name, value] of Object.entries(given ?? {})) {
    if (typeof value === "string") headers[name.toLowerCase()] = value;
  }
  return headers;
}
