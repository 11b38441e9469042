import type { IncomingHttpHeaders } from "node:http";
import type { Clock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";
import type { BootDevice, BootOverride, ResetType, SimulatedMachine } from "./machine.ts";
import { type Faults, HEALTHY, type Personality } from "./personality.ts";
import {
  etagOf,
  type Resource,
  ROOT,
  render,
  resetPath,
  SESSIONS,
  systemPath,
  TARGETS,
} from "./redfish-resources.ts";
import { Sessions } from "./redfish-sessions.ts";

export interface Incoming {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  readonly body: Resource | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Account {
  readonly username: string;
  readonly password: string;
}

/** For tests that count: what was asked of this BMC since the start. */
export interface BmcCounters {
  readonly requests: number;
  readonly logins: number;
  readonly refusedLogins: number;
  /** PATCHes and actions that were accepted. */
  readonly writes: number;
  /** Requests that came while another one was being answered. */
  readonly overlaps: number;
  /** Requests by who sent them, as their User-Agent says. */
  readonly by: Readonly<Record<string, number>>;
}

/** The Redfish face of one machine (DSP0266), without the wire. */
export class RedfishBmc {
  machine: SimulatedMachine;
  personality: Personality;
  faults: Faults = HEALTHY;
  account: Account;
  readonly sessions: Sessions;
  readonly #clock: Clock;
  readonly #counted = { requests: 0, logins: 0, refusedLogins: 0, writes: 0, overlaps: 0 };
  readonly #by = new Map<string, number>();
  #answering = 0;

  constructor(
    machine: SimulatedMachine,
    options: {
      readonly personality: Personality;
      readonly account: Account;
      readonly clock: Clock;
    },
  ) {
    this.machine = machine;
    this.personality = options.personality;
    this.account = options.account;
    this.#clock = options.clock;
    this.sessions = new Sessions(options.clock);
  }

  get counters(): BmcCounters {
    return { ...this.#counted, by: Object.fromEntries(this.#by) };
  }

  async answer(incoming: Incoming, signal: AbortSignal): Promise<Reply> {
    this.#counted.requests += 1;
    const who = incoming.headers["user-agent"] ?? "";
    this.#by.set(who, (this.#by.get(who) ?? 0) + 1);
    if (this.#answering > 0) this.#counted.overlaps += 1;
    if (this.#answering > 0 && this.personality.fragile)
      return refuse(503, "ServiceTemporarilyUnavailable");
    this.#answering += 1;
    try {
      const { latencyMs, busySeconds } = this.faults;
      if (latencyMs > 0) await this.#clock.sleep(latencyMs as Duration, signal);
      if (busySeconds !== null) return busy(busySeconds);
      return await this.#route({ ...incoming, path: incoming.path.replace(/(?<=.)\/+$/, "") });
    } finally {
      this.#answering -= 1;
    }
  }

  async #route(incoming: Incoming): Promise<Reply> {
    const { method, path, headers } = incoming;
    if (method === "GET" && (path === "/redfish" || path === ROOT)) return this.#get(path);
    if (method === "POST" && path === SESSIONS) return this.#logIn(incoming);
    if (!this.#known(headers)) return refuse(401, "NoValidSession");
    return method === "GET" ? this.#get(path) : this.#change(incoming);
  }

  async #change(incoming: Incoming): Promise<Reply> {
    const { method, path } = incoming;
    if (method === "PATCH" && path === systemPath(this.personality)) return this.#patch(incoming);
    if (method === "POST" && path === resetPath(this.personality)) {
      return this.#reset(incoming.body);
    }
    if (method === "DELETE" && path.startsWith(`${SESSIONS}/`)) return this.#logOut(path);
    const there = this.#render(path) !== null;
    return there ? refuse(405, "OperationNotAllowed") : refuse(404, "ResourceMissingAtURI");
  }

  #render(path: string): Resource | null {
    const { machine, personality } = this;
    return render(path, { machine, personality, sessionIds: this.sessions.ids() });
  }

  #get(path: string): Reply {
    const body = this.#render(path);
    if (body === null) return refuse(404, "ResourceMissingAtURI");
    const headers = this.personality.etag === "none" ? {} : { etag: etagOf(body) };
    return { status: 200, body, headers };
  }

  #logIn({ body }: Incoming): Reply {
    if (this.personality.auth === "basic") return refuse(404, "ResourceMissingAtURI");
    const { UserName, Password } = fields(body);
    if (!this.#isAccount(UserName, Password)) return refuse(401, "NoValidSession");
    const { sessionLimit, sessionTimeout } = this.personality;
    const made = this.sessions.create(sessionLimit, sessionTimeout);
    if (made === null) return refuse(503, "SessionLimitExceeded");
    const location = `${SESSIONS}/${made.id}`;
    return {
      status: 201,
      body: this.#render(location),
      headers: { location, "x-auth-token": made.token },
    };
  }

  #logOut(path: string): Reply {
    const gone = this.sessions.delete(path.slice(SESSIONS.length + 1));
    return gone ? DONE : refuse(404, "ResourceMissingAtURI");
  }

  /** Counts logins, and those that it refuses. */
  #isAccount(username: unknown, password: unknown): boolean {
    const { username: name, password: secret } = this.account;
    const right = username === name && password === secret && !this.faults.refuseLogins;
    this.#counted[right ? "logins" : "refusedLogins"] += 1;
    return right;
  }

  #known({ "x-auth-token": token, authorization }: IncomingHttpHeaders): boolean {
    if (typeof token === "string") return this.sessions.use(token, this.personality.sessionTimeout);
    const [, encoded] = /^Basic (.+)$/.exec(authorization ?? "") ?? [];
    if (encoded === undefined) return false;
    const [username, ...password] = Buffer.from(encoded, "base64").toString().split(":");
    return this.#isAccount(username, password.join(":"));
  }

  #patch({ headers, body }: Incoming): Reply {
    const tag = headers["if-match"];
    if (this.personality.etag === "required" && tag === undefined)
      return refuse(428, "PreconditionRequired");
    const now = this.#get(systemPath(this.personality)).headers["etag"];
    if (tag !== undefined && tag !== "*" && tag !== now) return refuse(412, "PreconditionFailed");
    const { Boot: boot, ...others } = fields(body);
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) return refuse(400, "PropertyUnknown", unknown);
    const next = this.#override(boot);
    if (typeof next === "string") return refuse(400, "PropertyValueNotInList", next);
    this.#counted.writes += 1;
    if (!this.faults.ignoreBoot) this.machine.override = next;
    return DONE;
  }

  /** The override that is asked for, or the property that cannot be. */
  #override(boot: unknown): BootOverride | string {
    const {
      BootSourceOverrideEnabled: enabled,
      BootSourceOverrideTarget: target,
      BootSourceOverrideMode: mode = "UEFI",
      ...others
    } = fields(boot);
    const { personality } = this;
    if (Object.keys(others).length > 0) return Object.keys(others).join();
    if (!isOneOf(ENABLED, enabled)) return "BootSourceOverrideEnabled";
    if (!isOneOf(personality.bootTargets, target)) return "BootSourceOverrideTarget";
    const modeGiven = "BootSourceOverrideMode" in fields(boot);
    if (!isOneOf(MODES, mode) || (modeGiven && !personality.bootMode))
      return "BootSourceOverrideMode";
    return { enabled, target: DEVICES[target] ?? null, mode };
  }

  async #reset(body: string): Promise<Reply> {
    const { ResetType } = fields(body);
    const type = this.personality.resetTypes.find((one: ResetType) => one === ResetType);
    if (type === undefined) return refuse(400, "ActionParameterNotSupported", String(ResetType));
    this.#counted.writes += 1;
    if (!this.faults.ignorePower) await this.machine.reset(type);
    return DONE;
  }
}

const DONE: Reply = { status: 204, body: null, headers: {} };
const ENABLED = ["Disabled", "Once", "Continuous"] as const;
const MODES = ["UEFI", "Legacy"] as const;
const DEVICES: Readonly<Record<string, BootDevice>> = Object.fromEntries(
  Object.entries(TARGETS).map(([device, target]) => [target, device as BootDevice]),
);

const isOneOf = <T extends string>(all: readonly T[], value: unknown): value is T =>
  all.some((one) => one === value);

/** DSP0266 section 8.6. */
function refuse(status: number, id: string, about = ""): Reply {
  const MessageId = `Base.1.18.${id}`;
  const text = about === "" ? id : `${id}: ${about}`;
  const info = [{ MessageId, Message: text, MessageSeverity: "Critical" }];
  const body = { error: { code: MessageId, message: text, "@Message.ExtendedInfo": info } };
  return { status, body, headers: {} };
}

const busy = (seconds: number): Reply => ({
  ...refuse(503, "ServiceTemporarilyUnavailable"),
  headers: { "retry-after": String(seconds) },
});

/** An object's fields, or those of a JSON text; none if it is something else. */
function fields(value: unknown): Readonly<Record<string, unknown>> {
  const parsed = typeof value === "string" ? parse(value) : value;
  return typeof parsed === "object" && parsed !== null ? { ...parsed } : {};
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
