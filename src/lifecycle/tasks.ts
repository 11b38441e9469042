import { type Duration, seconds } from "#base/duration.ts";
import type { Facts, Task } from "./facts.ts";
import { ATTEMPTS, isLive, mayErase, mayWrite } from "./guards.ts";
import { blind, type PowerAction, REST, type Step, stop } from "./power.ts";
import { LIFECYCLE, type Phase, type TaskType } from "./table.ts";

/** The record of an intent, made before an effect that cannot be repeated. */
export interface TaskIntent {
  readonly type: TaskType;
  readonly epoch: number;
  readonly attempt: number;
}

/** Something to do to the world. Data, so that a plan can be printed, compared and tested. */
export type Action =
  /** Who holds the machine and what is on it: before a task that may write, and once it is free. */
  | { readonly kind: "writeRecord" }
  | { readonly kind: "createTask"; readonly intent: TaskIntent }
  /** Revokes the grant: an agent whose report is refused stops. */
  | {
      readonly kind: "endTask";
      readonly task: TaskIntent;
      readonly state: "Expired" | "Canceled";
      readonly why: "late" | "deserted" | "unwanted";
    }
  /** From off, and only while a task is Pending: the grant makes its start unique, not the boot. */
  | { readonly kind: "bootAgent" }
  | PowerAction
  | { readonly kind: "releaseFinalizer" };

const FIRST_RETRY = seconds(10);

/** How long after the end of that attempt the next one may begin: 10 s, then 30 s. */
export const retryDelay = (attempt: number): Duration =>
  (FIRST_RETRY * 3 ** (attempt - 1)) as Duration;

/** The next step of the phase's task: follow or end what is live, else begin an attempt. */
export function stepTask(phase: Phase, epoch: number, facts: Facts): Step<Action> {
  const { task, ending } = facts.saw;
  const { task: type } = LIFECYCLE[phase];
  const mine = task?.epoch === epoch ? task : null;
  if (task !== null && isLive(task)) {
    // What is under way of the power goes on once the task has ended.
    return { actions: follow(task, mine === null ? null : type, facts), ending };
  }
  return type === null ? REST : begin(type, epoch, mine, facts);
}

function follow(task: Task, type: TaskType | null, facts: Facts): readonly Action[] {
  const { epoch, attempt } = task;
  const end = (
    state: "Expired" | "Canceled",
    why: Extract<Action, { kind: "endTask" }>["why"],
  ): readonly Action[] => [
    { kind: "endTask", task: { type: task.type, epoch, attempt }, state, why },
  ];
  const wanted = task.type === type && isAllowed(type, facts);
  if (!wanted) return end("Canceled", "unwanted");
  if (task.late) return end("Expired", "late");
  if (task.state === "Running" && task.deserted === true) return end("Expired", "deserted");
  if (blind(facts) || facts.saw.running !== "nothing") return [];
  if (task.state === "Pending") return [{ kind: "bootAgent" }];
  return task.state === "Written" ? [{ kind: "power", want: "on" }] : [];
}

/** Nothing of an earlier attempt can still run: it is off, or its agent ended well and waits. */
function fenced({ saw }: Facts): boolean {
  const endedWell = saw.task === null || saw.task.state === "Succeeded";
  return saw.running === "nothing" || (saw.running === "agent" && endedWell);
}

/** Is there a word for what it does to the disks? */
const isAllowed = (type: TaskType, facts: Facts): boolean =>
  (type !== "Erase" || mayErase(facts)) && (type !== "Deploy" || mayWrite(facts));

/** May an attempt begin at all, once nothing is in its way? */
function isDue(type: TaskType, mine: Task | null, facts: Facts): boolean {
  if (mine?.state === "Succeeded" || (mine?.attempt ?? 0) >= ATTEMPTS) return false;
  return facts.want.trouble === null && isAllowed(type, facts);
}

function begin(type: TaskType, epoch: number, mine: Task | null, facts: Facts): Step<Action> {
  const { ending } = facts.saw;
  if (!isDue(type, mine, facts)) return REST;
  if (blind(facts)) return { actions: [], ending };
  // Whoever runs before the first attempt is asked to end; what an attempt left behind is cut.
  if (!fenced(facts)) return mine === null ? stop(facts, "off") : CUT;
  if (mine?.rests === true) return REST;
  return { actions: attemptAt(type, epoch, (mine?.attempt ?? 0) + 1, facts), ending: null };
}

const CUT: Step = { actions: [{ kind: "power", want: "off" }], ending: null };

function attemptAt(
  type: TaskType,
  epoch: number,
  attempt: number,
  facts: Facts,
): readonly Action[] {
  const actions: Action[] = [{ kind: "createTask", intent: { type, epoch, attempt } }];
  if (type !== "Commission" && type !== "Test") actions.unshift({ kind: "writeRecord" });
  if (facts.saw.running === "nothing") actions.push({ kind: "bootAgent" });
  return actions;
}
