/** The agent's HTTP API (see `#api/agent.ts`): who asks is settled here, what he gets elsewhere. */
import { HEADERS, Hello, PATHS, Report } from "#api/agent.ts";
import { Inventory } from "#api/machine-inventory.ts";
import { type Duration, seconds } from "#base/duration.ts";
import { ApiError, isConflict, isUnreachable } from "#kube/client.ts";
import {
  type Handler,
  HttpError,
  type HttpReply,
  type HttpRequest,
  json,
  type Route,
} from "#netboot/http/message.ts";
import { type Desk, refused, renewed, requireView } from "./desk.ts";
import { greet, nextOrder } from "./hello.ts";
import { storeInventory } from "./inventory.ts";
import { takeReport } from "./reports.ts";
import { handOutSeed } from "./seeds.ts";
import { isSignedBy } from "./signature.ts";
import { openToken, type Session } from "./tokens.ts";
import { machineByUid } from "./view.ts";

const MAX_BODY = 1_048_576;
const LONGEST_WAIT = seconds(30);
const NO_CONTENT: HttpReply = { status: 204 };

type Authenticated = (
  session: Session,
  request: HttpRequest,
  body: Uint8Array,
  signal: AbortSignal,
) => Promise<HttpReply>;

export function agentRoutes(desk: Desk): readonly Route[] {
  const signed = (handle: Authenticated): Handler =>
    guarded(desk, async (request, signal) => {
      const body = await request.body(MAX_BODY);
      const session = authenticate(request, body, desk);
      const reply = await handle(session, request, body, signal);
      const anew = renewed(session, desk);
      if (anew === null) return reply;
      return { ...reply, headers: { ...reply.headers, [HEADERS.session]: anew } };
    });

  return [
    {
      method: "POST",
      path: PATHS.hello,
      handle: guarded(desk, async (request, signal) => {
        const hello = parsed(Hello, await request.body(MAX_BODY));
        return json(await greet(hello, request.remote, desk, signal));
      }),
    },
    {
      method: "POST",
      path: PATHS.inventory,
      handle: signed(async (session, _, body, signal) => {
        await takeInventory(session, parsed(Inventory, body), desk, signal);
        return NO_CONTENT;
      }),
    },
    {
      method: "POST",
      path: PATHS.report,
      handle: signed(async (session, _, body, signal) => {
        await takeReport(session, parsed(Report, body), desk, signal);
        return NO_CONTENT;
      }),
    },
    {
      method: "GET",
      path: PATHS.next,
      handle: signed(async (session, { query, remote }, _, signal) => {
        const order = await nextOrder(session, waitOf(query), remote, desk, signal);
        return order === null ? NO_CONTENT : json(order);
      }),
    },
    {
      method: "GET",
      path: PATHS.seed,
      handle: signed(async (session, { remote }, _, signal) =>
        json(await handOutSeed(session, remote, desk, signal)),
      ),
    },
  ];
}

/** Whom the session was given to, proven by the signature of this very request. */
function authenticate(request: HttpRequest, body: Uint8Array, desk: Desk): Session {
  const header = (name: string): string => String(request.headers[name] ?? "");
  const { method, remote } = request;
  const text = header(HEADERS.session);
  const opened = openToken(text, "session", desk.hmacKey, desk.clock.now());
  if ("refused" in opened) throw refused(desk, "session", opened.refused, { remote });
  const { token } = opened;
  const time = header(HEADERS.time);
  const proof = { method, path: pathOf(request), time, signature: header(HEADERS.signature), body };
  if (!isSignedBy(token.agentKey, proof)) {
    throw refused(desk, "session", "BadSignature", { remote, mac: token.mac });
  }
  if (!desk.seen.take(token.agentKey, time, desk.clock.now())) {
    desk.count("session", "BadTime");
    throw new HttpError(401, "the time is off, or was used before");
  }
  return token;
}

const pathOf = ({ path, query }: HttpRequest): string =>
  query.size === 0 ? path : `${path}?${query}`;

function waitOf(query: URLSearchParams): Duration {
  const asked = Number(query.get("wait"));
  if (!Number.isFinite(asked)) throw new HttpError(400, "wait is a number of seconds");
  return Math.min(LONGEST_WAIT, Math.max(0, seconds(asked))) as Duration;
}

async function takeInventory(
  { machine: its, task, mac }: Session,
  inventory: Inventory,
  desk: Desk,
  signal: AbortSignal,
): Promise<void> {
  if (its === undefined) {
    desk.log.info({ mac, product: inventory.system.product }, "an unknown machine was looked at");
    return;
  }
  requireView(desk, "inventory");
  const machine = machineByUid(desk.view, its.uid);
  if (machine === null) throw refused(desk, "inventory", "NoSuchMachine", { mac });
  const result = await storeInventory(machine, inventory, desk.client, signal);
  desk.count("inventory", result);
  if (task === undefined) return;
  desk.inventoried.add(task.uid);
  desk.boots.progressed(task.uid);
}

interface Schema<T> {
  safeParse(
    value: unknown,
  ):
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: { readonly message: string } };
}

function parsed<T>(schema: Schema<T>, body: Uint8Array): T {
  const result = schema.safeParse(parseJson(body));
  if (result.success) return result.data;
  throw new HttpError(400, result.error.message.slice(0, 500));
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString());
  } catch (cause) {
    throw new HttpError(400, "the body is no JSON", { cause });
  }
}

/** Where the API server cannot be asked, nothing is granted: the agent is to come again. */
export function guarded(desk: Desk, handle: Handler): Handler {
  return async (request, signal) => {
    try {
      return await handle(request, signal);
    } catch (error) {
      throw error instanceof ApiError ? unavailable(error, desk) : told(error, request, desk);
    }
  };
}

function unavailable(error: ApiError, desk: Desk): HttpError {
  const isExpected = isUnreachable(error) || isConflict(error);
  desk.log[isExpected ? "warn" : "error"]({ err: error }, "the API did not take it");
  desk.count("api", error.reason);
  return new HttpError(503, "the API server cannot be asked now", { cause: error });
}

/** What is wrong with a request is for the log, too: an agent tells nobody. */
function told(error: unknown, { path }: HttpRequest, { log }: Desk): unknown {
  if (error instanceof HttpError && error.status === 400) {
    log.warn({ path, why: error.message }, "bad request");
  }
  return error;
}
