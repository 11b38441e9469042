import { iDRACRedfishClient } from "redfish-client";
import type { z } from "zod";
import { Failure } from "#base/failure.ts";
import type { BmcAddress } from "#bmc/address.ts";
import type { Credentials } from "#bmc/credentials.ts";
import type { OpenDeps } from "#bmc/open.ts";
import type { TlsPolicy } from "#bmc/tls.ts";
import { failureOf, isSuccess, objectOf } from "./answer.ts";
import { isRefusal, ladder, type Rung } from "./etag.ts";
import { Collection } from "./schema.ts";
import { Session } from "./session.ts";
import { namesOf, noSystem } from "./system.ts";
import { type Answer, type Request, Transport } from "./transport.ts";

const quiet = {
  child: () => quiet,
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};

const SYSTEMS = "/redfish/v1/Systems";

/**
 * redfish-client's class on a transport of ours: certificates are checked, everything ends in time,
 * error statuses are errors, nothing is cached. From the library come its reading calls; whatever
 * changes something is ours. It never learns the password.
 *
 * Not for use by two at a time: {@link during} lends a signal to calls that take none.
 */
export class RedfishClient extends iDRACRedfishClient implements AsyncDisposable {
  readonly #transport: Transport;
  readonly #session: Session;
  /** Whether the address names the system; else it is looked up. */
  readonly #isNamed: boolean;
  #signal: AbortSignal = AbortSignal.abort();
  #systemPath: string | null;
  /** What this BMC wants as If-Match, once known. */
  #rung: Rung | null = null;

  constructor(address: BmcAddress, credentials: Credentials, tls: TlsPolicy, deps: OpenDeps) {
    super(address.host, credentials.username, "", quiet);
    this.#transport = new Transport(address, tls, deps);
    this.#session = new Session(this.#transport, credentials, deps);
    this.#systemPath = address.systemPath;
    this.#isNamed = address.systemPath !== null;
    this.baseUrl = this.#transport.origin;
  }

  get fingerprint(): string | null {
    return this.#transport.fingerprint;
  }

  /** Runs `work` with `signal` bounding all requests that it makes. */
  async during<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    this.#signal = signal;
    return await work();
  }

  /** The system's path: the one in the address, else the only one that the BMC has. */
  async systemPath(): Promise<string> {
    this.#systemPath ??= await this.#onlySystem();
    return this.#systemPath;
  }

  /** GET, read by `schema`. */
  async read<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    const what = `GET ${path}`;
    const answer = await this.#request({ method: "GET", path: this.#session.pathOf(path) });
    return conform(what, schema, objectOf(what, answer));
  }

  /** The ComputerSystem, fresh; its ETag header is in `Etag`. */
  async system<T>(schema: z.ZodType<T>): Promise<T> {
    const path = await this.systemPath();
    const system = await this.getSystemInfo(path.slice(SYSTEMS.length + 1), true);
    this.systemInfos = {}; // it keeps what it read for ever
    return conform(`GET ${path}`, schema, system);
  }

  async post(path: string, body: object): Promise<void> {
    const request = { method: "POST", path: this.#session.pathOf(path) } as const;
    await this.#request({ ...request, body: JSON.stringify(body) });
  }

  /** With If-Match as this BMC wants it; `etag` is what the last read of the resource told. */
  async patch(path: string, body: object, etag: string | null): Promise<void> {
    const request = { method: "PATCH", path, body: JSON.stringify(body) } as const;
    let answer: Answer | null = null;
    for (const { rung, header } of ladder(etag, this.#rung)) {
      const headers = header === null ? {} : { "if-match": header };
      answer = await this.#session.request({ ...request, headers }, this.#signal);
      if (isRefusal(answer.status)) continue;
      if (isSuccess(answer)) this.#rung = rung;
      break;
    }
    if (answer !== null && !isSuccess(answer)) throw failureOf(`PATCH ${path}`, answer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
    await this.#transport[Symbol.asyncDispose]();
  }

  /** The library's one way out. Only its read of the system is used, so nothing else passes here. */
  protected override async customFetch<T>(url: string): Promise<{ data: T; headers: Headers }> {
    const path = this.#session.pathOf(url);
    const answer = await this.#session.request({ method: "GET", path }, this.#signal);
    if (answer.status === 404) throw await this.#notFound(path, answer);
    if (!isSuccess(answer)) throw failureOf(`GET ${path}`, answer);
    return { data: objectOf(`GET ${path}`, answer) as T, headers: answer.headers };
  }

  override async getAvailableSystemIds(): Promise<string[]> {
    const { Members } = await this.read(SYSTEMS, Collection);
    return Members.map((member) => this.#session.pathOf(member["@odata.id"]).replace(/\/+$/, ""))
      .filter((path) => path.startsWith(`${SYSTEMS}/`))
      .map((path) => path.slice(SYSTEMS.length + 1));
  }

  override async getDefaultSystemId(): Promise<string> {
    return (await this.systemPath()).slice(SYSTEMS.length + 1);
  }

  async #onlySystem(): Promise<string> {
    const ids = await this.getAvailableSystemIds();
    const [first, ...others] = ids;
    if (first === undefined) throw new Failure("BmcUnsupported", "the BMC has no system");
    if (others.length === 0) return `${SYSTEMS}/${first}`;
    const all = namesOf(ids);
    throw new Failure("BmcAddressInvalid", `name one of its systems in the address: ${all}`);
  }

  /** After a 404 to the system's own path. What was looked up is looked up anew next time. */
  async #notFound(path: string, answer: Answer): Promise<Failure> {
    const failure = failureOf(`GET ${path}`, answer);
    if (failure.reason !== "BmcProtocolViolation") return failure; // it says why
    if (!this.#isNamed) this.#systemPath = null;
    return noSystem(path, await this.getAvailableSystemIds().catch(unreadable));
  }

  async #request(request: Request): Promise<Answer> {
    const answer = await this.#session.request(request, this.#signal);
    if (!isSuccess(answer)) throw failureOf(`${request.method} ${request.path}`, answer);
    return answer;
  }
}

/** A list that the BMC does not give is an empty one; that it is silent, or busy, is other news. */
function unreadable(error: unknown): readonly string[] {
  const reason = error instanceof Failure ? error.reason : null;
  if (reason === "BmcProtocolViolation" || reason === "BmcUnsupported") return [];
  throw error;
}

function conform<T>(what: string, schema: z.ZodType<T>, value: object): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = `${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`;
  throw new Failure("BmcProtocolViolation", `${what}: ${where}`);
}
