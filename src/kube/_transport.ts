import type { Clock } from "#base/clock.ts";
import { type Duration, seconds } from "#base/duration.ts";
import { errorOf } from "./_answer.ts";
import { exchange } from "./_exchange.ts";
import { ApiError, noAnswer } from "./client.ts";
import type { Connection } from "./connection.ts";
import type { RuntimeMetrics } from "./metrics.ts";

export interface TransportOptions {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly metrics: RuntimeMetrics;
  /** As the audit log and the field managers of the API server show us, e.g. "steelyard-rack". */
  readonly userAgent: string;
  /** How long an answer may stand still. Default 30 s. A watch may, once it has begun. */
  readonly deadline?: Duration;
}

/** A request in the words of HTTP; `path` with its query. */
export interface Request {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly contentType?: string;
  readonly body?: object;
}

const JSON_TYPE = "application/json";
const TRIES = 3;
const LONGEST_PAUSE = seconds(5); // who is told to stay away for longer asks again by its queue

/** Requests and their answers: credentials, deadlines, what may be sent again, and counting. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #deadline: Duration;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#deadline = options.deadline ?? seconds(30);
  }

  /** The answer's body; tried again where that is safe. */
  async call<Body>(request: Request, signal: AbortSignal, tries = 1): Promise<Body> {
    try {
      return await this.#once<Body>(request, signal);
    } catch (cause) {
      const error = asAnswer(request, cause, signal);
      const pause = tries < TRIES ? pauseBefore(request, error) : null;
      if (pause === null) throw error;
      if (pause > 0) await this.#options.clock.sleep(pause, signal);
      return this.call(request, signal, tries + 1);
    }
  }

  /** One exchange. Throws what {@link asAnswer} understands. */
  async #once<Body>(request: Request, signal: AbortSignal): Promise<Body> {
    signal.throwIfAborted();
    const start = this.#options.clock.now();
    let code = 0;
    try {
      const { dispatcher, headers } = await this.#options.connection.open();
      const options = { ...this.#dispatch(request, headers), bodyTimeout: this.#deadline };
      const answer = await exchange(dispatcher, options, signal);
      code = answer.code;
      if (code >= 300) this.#refused(request, code, answer.text, answer.retryAfter);
      return JSON.parse(answer.text) as Body; // the border: see KubeClient
    } finally {
      this.#count(request, code, start);
    }
  }

  /** The body of a watch as it comes, without a limit on how long it may stand still. */
  async stream(request: Request, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    signal.throwIfAborted();
    const start = this.#options.clock.now();
    let code = 0;
    try {
      const { dispatcher, headers } = await this.#options.connection.open();
      const options = { ...this.#dispatch(request, headers), bodyTimeout: 0, signal };
      const answer = await dispatcher.request(options);
      code = answer.statusCode;
      if (code >= 300) {
        this.#refused(request, code, await answer.body.text(), answer.headers["retry-after"]);
      }
      return answer.body;
    } finally {
      this.#count(request, code, start);
    }
  }

  #dispatch(
    { method, path, body, contentType = JSON_TYPE }: Request,
    headers: Readonly<Record<string, string>>,
  ) {
    const { connection, userAgent } = this.#options;
    return {
      origin: connection.origin,
      method,
      path: connection.prefix + path,
      headers: {
        accept: JSON_TYPE,
        "user-agent": userAgent,
        ...headers,
        ...(body !== undefined && { "content-type": contentType }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      headersTimeout: this.#deadline,
    };
  }

  #refused({ method, path }: Request, code: number, text: string, retryAfter: unknown): never {
    if (code === 401) this.#options.connection.refresh();
    throw errorOf(`${method} ${path}`, code, text, retryAfter);
  }

  #count({ method }: Request, code: number, start: number): void {
    const { clock, metrics } = this.#options;
    metrics.requested(method, code, (clock.now() - start) as Duration);
  }
}

/** How long to wait before the same request may be sent again; null: never. */
function pauseBefore({ method }: Request, error: unknown): Duration | null {
  if (!(error instanceof ApiError)) return null;
  const { code, retryAfter } = error;
  if (code === 401) return 0 as Duration; // refused unread: perhaps the token was renewed
  const unread = code === 429 || (method === "GET" && code === 503);
  return unread && retryAfter !== null && retryAfter <= LONGEST_PAUSE ? retryAfter : null;
}

/** What was thrown, as the caller is to see it. */
export function asAnswer({ method, path }: Request, error: unknown, signal: AbortSignal): unknown {
  if (error instanceof ApiError) return error;
  if (signal.aborted) return signal.reason;
  const why = error instanceof Error ? error.message : String(error);
  return noAnswer(`${method} ${path}: ${why}`, error);
}
