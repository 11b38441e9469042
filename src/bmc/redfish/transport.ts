import { Client } from "undici";
import { seconds } from "#base/duration.ts";
import { Failure, type FailureReason } from "#base/failure.ts";
import type { OpenDeps } from "#bmc/open.ts";
import type { TlsPolicy } from "#bmc/tls.ts";
import { Connector } from "./tls.ts";

export interface Request {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** With the leading slash. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body?: string;
}

/** Whatever the BMC answered, errors included. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const HEADERS_TIMEOUT = seconds(30); // slow ones take 20 s for a cold resource
const IDLE = seconds(10); // sockets are not held between polls: BMCs have few
const MAX_BODY_BYTES = 8 * 1024 ** 2;

/**
 * HTTP/1.1 over TLS to one BMC: one connection, one request at a time, bodies with Content-Length.
 * Rejects with a {@link Failure} only where there is no answer. `signal` bounds the whole exchange.
 */
export class Transport implements AsyncDisposable {
  readonly origin: string;
  readonly #connector: Connector;
  readonly #client: Client;
  readonly #userAgent: string;
  /** Answers that came over the connection that is open now. */
  #answers = 0;

  constructor(
    endpoint: { readonly host: string; readonly port: number },
    tls: TlsPolicy,
    { mayAsk, userAgent = "steelyard" }: Pick<OpenDeps, "mayAsk" | "userAgent"> = {},
  ) {
    this.#userAgent = userAgent;
    this.origin = new URL(`https://${endpoint.host}:${endpoint.port}`).origin;
    this.#connector = new Connector(tls, mayAsk);
    this.#client = new Client(this.origin, {
      connect: this.#connector.connect,
      pipelining: 1,
      headersTimeout: HEADERS_TIMEOUT,
      bodyTimeout: HEADERS_TIMEOUT,
      keepAliveTimeout: IDLE,
      keepAliveMaxTimeout: IDLE,
      maxResponseSize: MAX_BODY_BYTES,
    });
    this.#client.on("connect", () => {
      this.#answers = 0;
    });
  }

  /** SHA-256 of the certificate seen last, lower-case hex; `null` before the first handshake. */
  get fingerprint(): string | null {
    return this.#connector.fingerprint;
  }

  async send(request: Request, signal: AbortSignal): Promise<Answer> {
    try {
      return await this.#send(request, signal);
    } catch (error) {
      if (!this.#mayRepeat(request, error, signal)) throw this.#failure(request, error);
    }
    try {
      return await this.#send(request, signal);
    } catch (error) {
      throw this.#failure(request, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.destroy();
  }

  async #send({ method, path, headers, body }: Request, signal: AbortSignal): Promise<Answer> {
    const answer = await this.#client.request({
      method,
      path,
      signal,
      headers: {
        accept: "application/json",
        "odata-version": "4.0",
        "user-agent": this.#userAgent,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body }),
    });
    const text = await answer.body.text();
    this.#answers += 1;
    return { status: answer.statusCode, headers: headersOf(answer.headers), text };
  }

  /** A read over a kept connection that the BMC had closed meanwhile: nothing is wrong with it. */
  #mayRepeat({ method }: Request, error: unknown, signal: AbortSignal): boolean {
    const lost = ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"].includes(codeOf(error));
    return method === "GET" && lost && this.#answers > 0 && !signal.aborted;
  }

  #failure({ method, path }: Request, error: unknown): Failure {
    const reason = error instanceof Failure ? error.reason : reasonFor(codeOf(error));
    const why = error instanceof Error ? error.message : String(error);
    return new Failure(reason, `${method} ${this.origin}${path}: ${why}`, { cause: error });
  }
}

/** Node's and OpenSSL's codes for a chain or a name that does not verify. */
const UNTRUSTED = /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|INVALID_CA|ERR_TLS_CERT|HOSTNAME_)/;
/** llhttp's codes, undici's own checks of the answer, and a port that speaks no TLS. */
const MALFORMED = /^(HPE_|UND_ERR_RES_|UND_ERR_RESPONSE|EPROTO|ERR_SSL_)/;

function reasonFor(code: string): FailureReason {
  if (UNTRUSTED.test(code)) return "BmcCertificateUntrusted";
  return MALFORMED.test(code) ? "BmcProtocolViolation" : "BmcUnreachable";
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

function headersOf(raw: Readonly<Record<string, string | string[] | undefined>>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(raw)) {
    for (const one of [value ?? []].flat()) headers.append(name, one);
  }
  return headers;
}
