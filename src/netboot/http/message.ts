import type { IncomingHttpHeaders } from "node:http";
import type { Duration } from "#base/duration.ts";

/** A request as handlers see it. */
export interface HttpRequest {
  readonly method: string;
  /** Decoded, without query. */
  readonly path: string;
  /** What the route's `:name` parts stood for, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The peer's address; an IPv4 one in dotted form. */
  readonly remote: string;
  /**
   * The whole body.
   * @throws {@link HttpError} 413 beyond `limit` bytes, 400 if the client went away
   */
  body(limit: number): Promise<Uint8Array>;
  /** The body as JSON, not yet checked by a schema. @throws {@link HttpError} 400 and 413 */
  json(limit: number): Promise<unknown>;
}

/** Bytes that can be had from any offset; also those of a file that still grows. */
export interface ByteSource extends AsyncDisposable {
  readonly size: number;
  /**
   * Puts the bytes from `offset` on into `into`, at least one of them unless the source ends
   * there, and says how many. Waits until they are there; rejects if they never come.
   */
  read(into: Uint8Array, offset: number, signal: AbortSignal): Promise<number>;
}

type Headers = Readonly<Record<string, string>>;

/** `source` answers Range requests; it is disposed of when the answer ends, however it ends. */
export type HttpReply =
  | { readonly status: number; readonly headers?: Headers; readonly body?: string | Uint8Array }
  | { readonly source: ByteSource; readonly headers?: Headers };

/** `signal` fires when the client goes, the request takes too long, or the server stops. */
export type Handler = (request: HttpRequest, signal: AbortSignal) => Promise<HttpReply> | HttpReply;

export interface Route {
  /** GET answers HEAD as well. */
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** "/agent/:uuid/hello"; a last part ":name*" takes the rest of the path, slashes included. */
  readonly path: string;
  readonly handle: Handler;
}

/** Thrown by a handler to answer with a status; the message is sent to the client as text. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  readonly retryAfter: Duration | undefined;

  constructor(status: number, message: string, options: HttpErrorOptions = {}) {
    super(message, options);
    this.status = status;
    this.retryAfter = options.retryAfter;
  }
}

export interface HttpErrorOptions extends ErrorOptions {
  /** When to ask again; whole seconds are sent (RFC 9110 section 10.2.3). */
  readonly retryAfter?: Duration;
}

export const json = (value: unknown, status = 200): HttpReply => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});

export const text = (body: string, status = 200): HttpReply => ({
  status,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body,
});
