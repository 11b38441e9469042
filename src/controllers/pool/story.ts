import type { MachinePoolStatus } from "#api/machine-pool.ts";
import { findCondition, isTrue } from "#kube/conditions.ts";
import type { EventText } from "#kube/events.ts";
import type { Action } from "./plan.ts";
import { isRolling } from "./status.ts";

const MOST = 10; // names in one Event

/** What was done, for `kubectl describe`: an Event for each kind of thing, not for each claim. */
export function deeds(done: readonly Action[], desired: number): readonly EventText[] {
  const deleted = (cause: string): readonly string[] =>
    done.flatMap((action) =>
      action.kind === "deleteClaim" && action.why === cause ? [action.claim.name] : [],
    );
  const made = done.flatMap((action) => (action.kind === "createClaim" ? [action.name] : []));
  const anew = done.flatMap((one) => (one.kind === "reinstallClaim" ? [one.claim.name] : []));
  const wanted = `${desired} ${desired === 1 ? "is" : "are"} wanted.`;
  return [
    event("ScaledDown", deleted("surplus"), (names) => `Gave up ${names}: ${wanted}`),
    event("RollingOut", deleted("outdated"), (names) => `Replaces ${names}: the template changed.`),
    event("RollingOut", anew, (names) => `Has ${names} reinstalled: the template changed.`),
    event("ScaledUp", made, (names) => `Made ${names}: ${wanted}`),
  ].flat();
}

function event(
  reason: string,
  names: readonly string[],
  say: (names: string) => string,
): EventText[] {
  if (names.length === 0) return [];
  const more = names.length > MOST ? ` and ${names.length - MOST} more` : "";
  return [{ type: "Normal", reason, message: say(names.slice(0, MOST).join(", ") + more) }];
}

/** What became of the pool: held up, or done with a rollout. */
export function turns(
  before: MachinePoolStatus | undefined,
  after: MachinePoolStatus,
): readonly EventText[] {
  const was = findCondition(before?.conditions, "Ready");
  const is = findCondition(after.conditions, "Ready");
  if (is === undefined || (was?.reason === is.reason && was.status === is.status)) return [];
  if (isTrue(after.conditions, "Stalled")) {
    return [{ type: "Warning", reason: is.reason, message: is.message }];
  }
  return isRolling(before) && is.status === "True"
    ? [{ type: "Normal", reason: "RolledOut", message: "All claims are as the template says." }]
    : [];
}
