import type { Condition } from "#api/condition.ts";
import { FAILURES } from "#base/failure.ts";
import { findCondition, setConditions, standing } from "#kube/conditions.ts";
import type { Plan } from "#lifecycle/plan.ts";
import { LIFECYCLE } from "#lifecycle/table.ts";
import { hasEnded } from "./evidence.ts";
import type { Gathered, Inputs } from "./gather.ts";

/**
 * Ready, Reconciling and Stalled, as kstatus reads them: a machine is ready where it may rest as it
 * is wanted; it is either on its way or stalled, never both. The time of a change is kept.
 */
export function conditionsOf(inputs: Inputs, gathered: Gathered, plan: Plan): Condition[] {
  const { machine, now } = inputs;
  const message = plan.stalled === null ? progress(inputs, plan) : why(gathered, plan.stalled);
  const reason = plan.stalled ?? plan.phase;
  const ready = isReady(inputs, gathered, plan);
  const stalled = plan.stalled !== null;
  const reconciling = !ready && !stalled && !machine.spec.paused;
  const wishes = standing({ ready, reconciling, stalled, reason, message });
  return [...setConditions(machine.status?.conditions, wishes, now)];
}

/** What it does now; and what an agent waits for that has to write an image which no rack can get. */
function progress({ image }: Inputs, { phase }: Plan): string {
  const { doc } = LIFECYCLE[phase];
  const usable = findCondition(image?.status?.conditions, "Ready");
  if (phase !== "Deploying" || image === undefined || usable?.status !== "False") return doc;
  return `${doc} OSImage ${image.metadata.name}: ${usable.reason}: ${usable.message}`.slice(
    0,
    1_024,
  );
}

/** The desired state holds: free and erased, running what its holder wants, or set aside as wanted. */
function isReady({ machine, wanted }: Inputs, { facts }: Gathered, plan: Plan): boolean {
  if (plan.stalled !== null) return false;
  if (plan.phase === "Ready") return facts.saw.holder === "none" || plan.freed;
  if (plan.phase === "Deployed") return true;
  if (plan.phase === "Allocated") return wanted === null; // held for nothing but to be held
  if (plan.phase !== machine.spec.mode) return false;
  return plan.phase !== "Rescue" || facts.saw.task?.state === "Running"; // the shell is up
}

/** The words for a stall: what was found, else what the last task said, else the table's help. */
function why({ troubles, newest }: Gathered, reason: NonNullable<Plan["stalled"]>): string {
  const found = troubles.find((trouble) => trouble.reason === reason);
  if (found !== undefined) return found.message.slice(0, 1_024);
  const { help } = FAILURES[reason];
  if (newest === undefined || !hasEnded(newest) || !TASK_REASONS.has(reason)) return help;
  const { reason: word = newest.status?.state, message = "" } = newest.status ?? {};
  return `${newest.metadata.name}: ${word}: ${message} ${help}`.slice(0, 1_024);
}

const TASK_REASONS: ReadonlySet<string> = new Set([
  "TaskFailed",
  "TaskTimedOut",
  "GivenUp",
  "EraseIncomplete",
]);
