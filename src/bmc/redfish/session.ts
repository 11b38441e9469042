import { z } from "zod";
import type { Clock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { Failure } from "#base/failure.ts";
import type { Credentials } from "#bmc/credentials.ts";
import type { Gate, RequestKind } from "#bmc/gate.ts";
import { failureOf, isSuccess, objectOf, retryAfterOf, saysNoRoom } from "./answer.ts";
import type { Answer, Request, Transport } from "./transport.ts";

const ROOT = "/redfish/v1/";
const MAX_REDIRECTS = 3;
const SHORT = seconds(2); // longer waits are the queue's business
const LOGOUT_TIMEOUT = seconds(3);

const Link = z.looseObject({ "@odata.id": z.string() });
/** DSP0266 section 6.4.1: readable without a login. */
const Root = z.looseObject({
  Links: z.looseObject({ Sessions: Link.optional() }).optional(),
  SessionService: Link.optional(),
});
const Created = z.looseObject({ "@odata.id": z.string().optional() });

type Login =
  | { readonly kind: "session"; readonly token: string; readonly location: string | null }
  | { readonly kind: "basic" };

interface Deps {
  readonly clock: Clock;
  readonly gate: Gate;
}

/**
 * Requests as a logged-in user: one session (DSP0266 section 13.3.4), or HTTP Basic where there is
 * no session service or no room in it. Not for use by two at a time.
 */
export class Session implements AsyncDisposable {
  readonly #transport: Transport;
  readonly #credentials: Credentials;
  readonly #deps: Deps;
  #login: Login | null = null;
  /** Permanent redirects that were followed. */
  readonly #moved = new Map<string, string>();

  constructor(transport: Transport, credentials: Credentials, deps: Deps) {
    this.#transport = transport;
    this.#credentials = credentials;
    this.#deps = deps;
  }

  /** Resolves to any answer, errors included; only a refused login rejects by itself. */
  async request(request: Request, signal: AbortSignal): Promise<Answer> {
    const answer = await this.#asUser(request, signal);
    if (answer.status !== 401 || this.#login?.kind !== "session") return answer;
    this.#login = null; // it ran out, or the BMC has restarted
    const second = await this.#asUser(request, signal);
    if (second.status !== 401 || this.#login === null) return second;
    const what = `${request.method} ${request.path}`;
    throw new Failure("BmcProtocolViolation", `${what}: 401 right after a login that succeeded`);
  }

  /**
   * Logs out: a session that is left behind blocks a place in a short table for half an hour. Where
   * the gate is closed it is left behind all the same; whoever may not ask a BMC asks it nothing.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const login = this.#login;
    this.#login = null;
    if (login?.kind !== "session" || login.location === null) return;
    const headers = { "x-auth-token": login.token };
    const request: Request = { method: "DELETE", path: login.location, headers };
    await this.#once(request, "session", AbortSignal.timeout(LOGOUT_TIMEOUT)).catch(() => {});
  }

  /** A path of this BMC, from a link that may be absolute. */
  pathOf(link: string): string {
    const url = URL.parse(link, this.#transport.origin);
    if (url?.origin === this.#transport.origin) return url.pathname + url.search;
    throw new Failure("BmcProtocolViolation", `it points elsewhere: ${link.slice(0, 200)}`);
  }

  async #asUser(request: Request, signal: AbortSignal): Promise<Answer> {
    this.#login ??= await this.#logIn(signal);
    const kind = request.method === "GET" ? "read" : "write";
    const headers = { ...request.headers, ...this.#authorization(this.#login) };
    return this.#send({ ...request, headers }, kind, signal);
  }

  #authorization(login: Login): Readonly<Record<string, string>> {
    if (login.kind === "session") return { "x-auth-token": login.token };
    const { username } = this.#credentials;
    const pair = Buffer.from(`${username}:${this.#credentials.reveal()}`).toString("base64");
    return { authorization: `Basic ${pair}` };
  }

  async #logIn(signal: AbortSignal): Promise<Login> {
    const sessions = await this.#sessions(signal);
    if (sessions === null) return { kind: "basic" };
    const UserName = this.#credentials.username;
    const body = JSON.stringify({ UserName, Password: this.#credentials.reveal() });
    const request: Request = { method: "POST", path: sessions, body };
    const answer = await this.#send(request, "session", signal);
    if (isSuccess(answer)) return this.#loggedIn(answer);
    if ([404, 405, 501].includes(answer.status) || saysNoRoom(answer)) return { kind: "basic" };
    throw failureOf("log in", answer);
  }

  #loggedIn(answer: Answer): Login {
    const token = answer.headers.get("x-auth-token");
    if (token === null) throw new Failure("BmcProtocolViolation", "log in: no X-Auth-Token");
    const created = Created.safeParse(objectOf("log in", answer)).data;
    const link = answer.headers.get("location") ?? created?.["@odata.id"];
    // The host in it may be one that only the BMC knows; the path is what counts.
    const path = URL.parse(link ?? "", this.#transport.origin)?.pathname;
    return { kind: "session", token, location: link === undefined ? null : (path ?? null) };
  }

  /** Where sessions are made; `null` if there is no session service. */
  async #sessions(signal: AbortSignal): Promise<string | null> {
    const answer = await this.#send({ method: "GET", path: ROOT }, "session", signal);
    if (!isSuccess(answer)) throw failureOf(`GET ${ROOT}`, answer);
    const root = Root.safeParse(objectOf(`GET ${ROOT}`, answer));
    if (!root.success) throw new Failure("BmcProtocolViolation", "no Redfish service root");
    const link = root.data.Links?.Sessions?.["@odata.id"];
    if (link !== undefined) return this.pathOf(link);
    const service = root.data.SessionService?.["@odata.id"];
    return service === undefined ? null : `${this.pathOf(service).replace(/\/$/, "")}/Sessions`;
  }

  /** Follows redirects on the BMC itself, and comes back once where it asks for a short wait. */
  async #send(request: Request, kind: RequestKind, signal: AbortSignal): Promise<Answer> {
    let path = this.#moved.get(request.path) ?? request.path;
    for (let hops = 0; ; hops++) {
      const answer = await this.#patiently({ ...request, path }, kind, signal);
      const next = redirect(request, answer);
      if (next === null) return answer;
      if (hops === MAX_REDIRECTS) throw failureOf(`${request.method} ${path}`, answer);
      path = this.pathOf(next);
      if (answer.status === 308) this.#moved.set(request.path, path);
    }
  }

  async #patiently(request: Request, kind: RequestKind, signal: AbortSignal): Promise<Answer> {
    const answer = await this.#once(request, kind, signal);
    if (answer.status !== 503 && answer.status !== 429) return answer;
    const wait = retryAfterOf(answer);
    if (wait === null || wait > SHORT) return answer;
    await this.#deps.clock.sleep(wait, signal).catch(() => {});
    return this.#once(request, kind, signal);
  }

  async #once(request: Request, kind: RequestKind, signal: AbortSignal): Promise<Answer> {
    await this.#deps.gate(kind, signal);
    return this.#transport.send(request, signal);
  }
}

/** RFC 9110 section 15.4: only 307 and 308 may be followed with a method that changes things. */
function redirect({ method }: Request, { status, headers }: Answer): string | null {
  const followed =
    status === 307 || status === 308 || (method === "GET" && [301, 302].includes(status));
  return followed ? headers.get("location") : null;
}
