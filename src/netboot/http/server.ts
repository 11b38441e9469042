import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type Duration, seconds } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import { type Handler, HttpError, type HttpReply, type Route, text } from "./message.ts";
import { readTarget, requestOf } from "./request.ts";
import { respond } from "./respond.ts";
import { createRouter, type Found } from "./router.ts";

export interface HttpListen {
  readonly address: string;
  /** 0: any free one; see {@link HttpServer.port}. */
  readonly port: number;
  /** HTTPS with this certificate (PEM); its key never reaches a log. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface HttpDeps {
  readonly routes: readonly Route[];
  /** For what no route matches; 404 without it. */
  readonly fallback?: Handler;
  /** Called for each answer with "200", "404", …, or "Malformed", "ClientGone", "TimedOut". */
  readonly count: (event: string) => void;
  readonly log: Log;
  /** How long a handler may take to begin its answer. 30 s by default. */
  readonly patience?: Duration;
}

export interface HttpServer extends AsyncDisposable {
  readonly port: number;
}

const HEADERS = seconds(10);
const WHOLE_REQUEST = seconds(60);
const BETWEEN_REQUESTS = seconds(15);
/** A client that takes nothing for so long is gone. */
const SILENCE = seconds(60);

/** Serves until the signal comes; resolves once it listens. */
export async function serveHttp(
  { address, port, tls }: HttpListen,
  deps: HttpDeps,
  signal: AbortSignal,
): Promise<HttpServer> {
  signal.throwIfAborted();
  const limits = {
    headersTimeout: HEADERS,
    requestTimeout: WHOLE_REQUEST,
    keepAliveTimeout: BETWEEN_REQUESTS,
    noDelay: true,
  };
  const server = tls === undefined ? createServer(limits) : createTlsServer({ ...limits, ...tls });
  const stop = new AbortController();
  const running = AbortSignal.any([signal, stop.signal]);
  const find = createRouter(deps.routes);
  server.timeout = SILENCE;
  server.on("request", (message, response) => {
    answer(message, response, find, deps, running).catch((err: unknown) => {
      deps.log.error({ err }, "HTTP request");
      response.destroy();
    });
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    // UEFI firmware resets its connection when it has what it wanted.
    deps.count(error.code === "ECONNRESET" ? "ClientGone" : "Malformed");
    if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    else socket.destroy();
  });
  server.on("tlsClientError", () => deps.count("Malformed"));
  server.listen(port, address);
  await once(server, "listening", { signal });
  running.addEventListener("abort", () => close(server), { once: true });
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : port,
    [Symbol.asyncDispose]: async () => {
      const closed = server.listening ? once(server, "close") : null;
      stop.abort();
      await closed;
    },
  };
}

function close(server: Server): void {
  server.close();
  server.closeAllConnections();
}

async function answer(
  message: IncomingMessage,
  response: ServerResponse,
  find: (method: string, path: string) => Found,
  deps: HttpDeps,
  running: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const signal = AbortSignal.any([running, gone.signal]);
  const { method = "GET", headers } = message;
  try {
    const reply = await handle(message, find, deps, signal);
    deps.count(String(await respond(response, { method, headers }, reply, signal)));
    // What was not read of the body must not be taken for the next request.
    if (!message.complete) response.once("finish", () => message.destroy());
  } catch (error) {
    if (gone.signal.aborted) deps.count("ClientGone");
    else if (response.headersSent) deps.log.warn({ err: error }, "HTTP answer cut short");
    else throw error;
    response.destroy();
  }
}

/** The handler's reply, or the status that its error stands for. */
async function handle(
  message: IncomingMessage,
  find: (method: string, path: string) => Found,
  deps: HttpDeps,
  signal: AbortSignal,
): Promise<HttpReply> {
  const late = new AbortController();
  const timer = setTimeout(() => {
    deps.count("TimedOut");
    late.abort(new HttpError(503, "took too long"));
  }, deps.patience ?? seconds(30));
  try {
    const target = readTarget(message);
    const found = find(message.method ?? "GET", target.path);
    const [handler, params] =
      "handle" in found ? [found.handle, found.params] : [missing(found.allow, deps.fallback), {}];
    const request = requestOf(message, target, params);
    return await handler(request, AbortSignal.any([signal, late.signal]));
  } catch (error) {
    if (signal.aborted) throw error;
    return failed(late.signal.aborted ? late.signal.reason : error, message, deps);
  } finally {
    clearTimeout(timer);
  }
}

function failed(error: unknown, { url, method }: IncomingMessage, { log }: HttpDeps): HttpReply {
  if (error instanceof HttpError) return refusal(error);
  // Without its query, which may hold a token.
  log.error({ err: error, method, path: url?.split("?")[0] }, "HTTP handler");
  return text("internal error\n", 500);
}

function refusal({ message, status, retryAfter }: HttpError): HttpReply {
  const said = text(`${message}\n`, status);
  if (retryAfter === undefined) return said;
  const seconds = String(Math.ceil(retryAfter / 1_000));
  return { ...said, headers: { ...said.headers, "retry-after": seconds } };
}

function missing(allow: readonly string[], fallback: Handler | undefined): Handler {
  if (allow.length > 0) {
    const headers = { allow: allow.join(", ") };
    return () => ({ status: 405, headers, body: "method not allowed\n" });
  }
  return fallback ?? (() => text("not found\n", 404));
}
