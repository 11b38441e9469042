/**
 * Who may begin a task. Pure: it is asked with the task as it was read live, and what it says to
 * write is persisted before an order leaves the rack (design section 2, "The grant").
 */
import type { MachineTask, MachineTaskStatus } from "#api/machine-task.ts";
import { parseMac } from "#base/mac.ts";
import { parseSystemUuid, sameSystem } from "#base/system-uuid.ts";
import { hasEnded, stateOf } from "./due-task.ts";
import { refuse, timestamp, type Verdict } from "./verdict.ts";

/** An agent that asks for the grant of a task. */
export interface Asker {
  /** Of its boot, or made for this grant where it went on from another task. */
  readonly nonce: string;
  readonly agentKey: string;
  /** No other agent has shown the token of its boot to this rack. */
  readonly isFirst: boolean;
  readonly rack: string;
  readonly macAddresses: readonly string[];
  readonly systemUUID?: string | undefined;
  readonly serial?: string | undefined;
}

export function judgeGrant(task: MachineTask, asker: Asker, now: number): Verdict {
  if (hasEnded(task)) return refuse("Ended");
  if (stateOf(task) !== "Pending") return judgeAgain(task, asker, now);
  const conflict = identityConflict(task, asker);
  if (conflict !== null) {
    const write = failed("IdentityConflict", conflict, now);
    return { kind: "Refuse", reason: "IdentityConflict", write };
  }
  if (!asker.isFirst) return bootConflict(task, asker, now);
  // A commissioning only reads, may begin again, and saves a write: only its end is recorded.
  if (task.spec.type === "Commission") return { kind: "Go" };
  return { kind: "Go", write: granted(asker, now) };
}

/** It is granted already: to this very boot, whose answer was lost, or to another one. */
function judgeAgain(task: MachineTask, asker: Asker, now: number): Verdict {
  if (stateOf(task) === "Written") return refuse("WrongState");
  const grant = task.status?.grant;
  if (grant?.bootNonce === asker.nonce && grant.agentKey === asker.agentKey) return { kind: "Go" };
  return bootConflict(task, asker, now);
}

function bootConflict({ status }: MachineTask, { rack }: Asker, now: number): Verdict {
  const first = status?.grant?.rack ?? rack;
  const message = `A second boot asked rack ${rack} for this task, which rack ${first} had given to a first one. Neither goes on.`;
  const write = failed("BootConflict", message, now);
  return { kind: "Refuse", reason: "BootConflict", write };
}

export const granted = (
  { nonce, rack, agentKey }: Pick<Asker, "nonce" | "rack" | "agentKey">,
  now: number,
): MachineTaskStatus => ({
  state: "Running",
  grant: { bootNonce: nonce, rack, agentKey },
  startedAt: timestamp(now),
});

/** The end of a task by the rack's own word. */
export const failed = (reason: string, message: string, now: number): MachineTaskStatus => ({
  state: "Failed",
  reason,
  message: message.slice(0, 512),
  finishedAt: timestamp(now),
});

/** What does not fit, naming both sides; `null`: all that can be compared fits. */
export function identityConflict({ spec }: MachineTask, asker: Asker): string | null {
  const allowed = new Set(spec.macAddresses.map(parseMac));
  if (!asker.macAddresses.map(parseMac).some((mac) => mac !== null && allowed.has(mac))) {
    return `The agent has the MACs ${asker.macAddresses.join(", ")}; the task is for ${spec.macAddresses.join(", ")}.`;
  }
  const [seen, expected] = [uuid(asker.systemUUID), uuid(spec.expect?.systemUUID)];
  if (seen !== null && expected !== null) {
    if (sameSystem(seen, expected)) return null;
    return `The agent found the system UUID ${seen}; the BMC says ${expected}.`;
  }
  return serialConflict(asker.serial, spec.expect?.serial);
}

const uuid = (text: string | undefined) => (text === undefined ? null : parseSystemUuid(text));

/** Serials count only where no UUIDs can be compared: boards fill them in with less care. */
function serialConflict(seen: string | undefined, expected: string | undefined): string | null {
  if (!isSerial(seen) || !isSerial(expected)) return null;
  if (seen.trim() === expected.trim()) return null;
  return `The agent found the serial ${seen}; the BMC says ${expected}.`;
}

const FILLER = /^\s*$|o\.?e\.?m|default|not |none|n\/a|unknown|serial|^[0.xX-]+$|^0?123456789/i;
const isSerial = (text: string | undefined): text is string =>
  text !== undefined && !FILLER.test(text);
