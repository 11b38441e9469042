import type { MachineTask } from "#api/machine-task.ts";
import { backoff } from "#base/backoff.ts";
import { minutes, seconds } from "#base/duration.ts";
import { isConflict, isUnreachable } from "#kube/client.ts";
import { HttpError, type HttpReply, type HttpRequest, text } from "#netboot/http/message.ts";
import { type Desk, refused } from "./desk.ts";
import { stateOf } from "./due-task.ts";
import { openToken, type PhoneToken } from "./tokens.ts";
import { refuse, timestamp, type Verdict } from "./verdict.ts";

/** What a system posted; `body` is whatever it liked to send. */
export interface PhoneCall {
  /** Namespace and name. */
  readonly task: string;
  readonly body: string;
}

export interface PhoneDeps {
  readonly desk: Desk;
  /** Told of each call, the repeated ones too. */
  readonly onPhoneHome: (call: PhoneCall) => void;
}

const MAX_BODY = 4_096;
/** How often the API is asked to take a call: for about an hour. */
const TRIES = 60;

/** Only from Written on: an agent leaves RAM after that was persisted, and not before. */
export function judgePhoneHome(task: MachineTask, now: number): Verdict {
  if (task.spec.type !== "Deploy") return refuse("WrongState");
  const state = stateOf(task);
  if (state === "Succeeded") return { kind: "Go" };
  if (state !== "Written") return refuse(state === "Running" ? "WrongState" : "Ended");
  return { kind: "Go", write: { state: "Succeeded", finishedAt: timestamp(now) } };
}

/** cloud-init's call once the system is up; it may be repeated, and then costs nothing. */
export async function phoneHome(
  request: HttpRequest,
  deps: PhoneDeps,
  signal: AbortSignal,
): Promise<HttpReply> {
  const { desk } = deps;
  const sealed = request.params["token"] ?? "";
  const opened = openToken(sealed, "phone", desk.hmacKey, desk.clock.now());
  const { remote } = request;
  if ("refused" in opened) throw refused(desk, "phone-home", opened.refused, { remote });
  const body = Buffer.from(await request.body(MAX_BODY)).toString();
  deps.onPhoneHome({ task: opened.token.task.key, body });
  try {
    await succeed(opened.token, body, desk, signal);
    return text("ok\n");
  } catch (error) {
    if (error instanceof HttpError || !isPassing(error)) throw error;
    later(opened.token, body, desk);
    return text("noted\n", 202);
  }
}

const isPassing = (error: unknown): boolean => isUnreachable(error) || isConflict(error);

async function succeed(
  { task: its }: PhoneToken,
  body: string,
  desk: Desk,
  signal: AbortSignal,
): Promise<void> {
  const judge = (task: MachineTask) => judgePhoneHome(task, desk.clock.now());
  const { verdict } = await desk.tasks.decideFromCache(its.key, its.uid, judge, signal);
  if (verdict.kind === "Refuse") throw refused(desk, "phone-home", verdict.reason, { task: its });
  if (verdict.write === undefined) return;
  desk.count("phone-home", "Succeeded");
  const form = new URLSearchParams(body);
  desk.log.info({ task: its.key, hostname: form.get("hostname")?.slice(0, 253) }, "phoned home");
}

/** cloud-init goes on for five minutes; the API server may be away for longer. */
function later(token: PhoneToken, body: string, desk: Desk): void {
  const { process } = desk;
  const retry = async (): Promise<void> => {
    for (let tries = 0; tries < TRIES; tries++) {
      await desk.clock.sleep(backoff(seconds(2), minutes(1), tries, 0.5), process);
      try {
        return await succeed(token, body, desk, process);
      } catch (error) {
        if (process.aborted || !isPassing(error)) throw error;
      }
    }
  };
  retry().catch((error: unknown) => {
    if (!process.aborted) desk.log.warn({ err: error, task: token.task }, "phone-home is lost");
  });
}
