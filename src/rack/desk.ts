/** What all conversations with agents share. `daemon.ts` builds it; tests fake what is behind it. */
import type { Machine } from "#api/machine.ts";
import type { MachineTask } from "#api/machine-task.ts";
import type { Clock } from "#base/clock.ts";
import { hours, minutes, seconds } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import { keyOf } from "#base/object.ts";
import type { KubeClient } from "#kube/client.ts";
import { HttpError } from "#netboot/http/message.ts";
import type { BootCounter } from "./boot-counter.ts";
import type { BootKeys } from "./boot-keys.ts";
import type { Looks } from "./looks.ts";
import type { SeenTimes } from "./signature.ts";
import type { TaskStore } from "./task-store.ts";
import { type Session, sealToken } from "./tokens.ts";
import { isSeen, type View } from "./view.ts";
import type { Waiters } from "./waiters.ts";

export interface Desk {
  readonly zone: string;
  /** The Rack's name. */
  readonly rack: string;
  /** Of the zone; secret. */
  readonly hmacKey: Uint8Array;
  readonly client: KubeClient;
  readonly view: View;
  readonly tasks: TaskStore;
  readonly boots: BootCounter;
  readonly keys: BootKeys;
  readonly looks: Looks;
  readonly waiters: Waiters;
  readonly seen: SeenTimes;
  /** Uids of tasks whose inventory this rack has stored; another one asks the API. */
  readonly inventoried: Set<string>;
  readonly clock: Clock;
  readonly log: Log;
  /** Makes a boot's nonce: 128 random bits, URL-safe. */
  readonly nonce: () => string;
  /** Base URL over plain HTTP, as a peer at that address reaches it. */
  readonly rackUrl: (remote: string) => string;
  /** How long an agent waits for another task before it powers off. */
  readonly lingerSeconds: number;
  /** Ends with the process: for what must go on when the one who asked has gone. */
  readonly process: AbortSignal;
  /** For each grant, refusal, report, …: what, and how it went. */
  readonly count: (event: string, result: string) => void;
}

/** From the fetch of the boot script to hello: the kernel, the ramdisk, DHCP. */
export const BOOT_TOKEN_LIFE = minutes(30);
/**
 * For so long an agent may hear of no rack at all; each use renews it. One that waits warm, or is
 * there for a rescue, asks or reports every half minute at least, however long it stays.
 */
export const SESSION_LIFE = hours(6);

/** When who came too early is to ask again. */
const VIEW_TIME = seconds(2);

export const named = ({ metadata }: Machine | MachineTask) => ({
  key: keyOf(metadata),
  uid: metadata.uid,
});

export function sealSession(session: Omit<Session, "kind" | "expires">, desk: Desk): string {
  const expires = desk.clock.now() + SESSION_LIFE;
  return sealToken({ ...session, kind: "session", expires }, desk.hmacKey);
}

/** The same session with a life before it again; `null`: it has more than half of its life yet. */
export function renewed({ kind: _, expires, ...session }: Session, desk: Desk): string | null {
  const isYoung = expires - desk.clock.now() > SESSION_LIFE / 2;
  return isYoung ? null : sealSession(session, desk);
}

/**
 * For what is decided by what is there: a rack that has just started knows of nothing, and a
 * refusal is final to an agent. @throws {@link HttpError} 503 until its first view is complete
 */
export function requireView({ view, count }: Desk, event: string): void {
  if (isSeen(view)) return;
  count(event, "NotSynced");
  const why = "this rack has just started and has not seen its zone's machines yet: ask again";
  throw new HttpError(503, why, { retryAfter: VIEW_TIME });
}

/** 403: the agent holds no grant (any more), stops and powers off. */
export function refused(desk: Desk, event: string, reason: string, about: object): HttpError {
  desk.count(event, reason);
  desk.log.warn({ reason, ...about }, `refused: ${event}`);
  return new HttpError(403, reason);
}
