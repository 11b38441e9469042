import type { Machine } from "#api/machine.ts";
import type { MachineTask } from "#api/machine-task.ts";
import { ENDED_STATES, type TaskState } from "#lifecycle/facts.ts";

export const stateOf = (task: MachineTask): TaskState => task.status?.state ?? "Pending";

const ENDED: ReadonlySet<TaskState> = new Set(ENDED_STATES);
export const hasEnded = (task: MachineTask): boolean => ENDED.has(stateOf(task));

/** The machine's newest task, of whatever state. Tasks of an earlier object of its name are not its own. */
export function newestTask(machine: Machine, tasks: readonly MachineTask[]): MachineTask | null {
  let newest: MachineTask | null = null;
  for (const task of tasks) {
    if (!belongs(task, machine)) continue;
    if (newest === null || isNewer(task, newest)) newest = task;
  }
  return newest;
}

/**
 * The task that the machine's agent is to carry out: the newest one, while it is Pending or
 * Running. A paused machine has none.
 */
export function dueTask(machine: Machine, tasks: readonly MachineTask[]): MachineTask | null {
  const task = newestTask(machine, tasks);
  if (task === null || machine.spec.paused) return null;
  return stateOf(task) === "Pending" || stateOf(task) === "Running" ? task : null;
}

export const belongs = ({ metadata, spec }: MachineTask, machine: Machine): boolean =>
  spec.machineRef.uid === machine.metadata.uid &&
  metadata.namespace === machine.metadata.namespace &&
  spec.zone === machine.spec.zoneRef.name;

function isNewer({ spec: a }: MachineTask, { spec: b }: MachineTask): boolean {
  return a.epoch === b.epoch ? a.attempt > b.attempt : a.epoch > b.epoch;
}
