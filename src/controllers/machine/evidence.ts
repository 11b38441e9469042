import type { Machine } from "#api/machine.ts";
import type { MachineTask } from "#api/machine-task.ts";
import { isBlank, isHearsay, type MachineRecord, readRecord } from "#api/record.ts";
import { type Duration, seconds } from "#base/duration.ts";
import type { BmcObservation } from "#bmc/driver.ts";
import {
  type Disk,
  ENDED_STATES,
  type Running,
  type Task,
  type TaskState,
} from "#lifecycle/facts.ts";
import type { TaskType } from "#lifecycle/table.ts";
import { retryDelay } from "#lifecycle/tasks.ts";

/** An agent whose task ended well waits so long for the next; racks grant it some more. */
export const LINGER = seconds(45);

export const stateOf = (task: MachineTask): TaskState => task.status?.state ?? "Pending";
export const hasEnded = (task: MachineTask): boolean =>
  (ENDED_STATES as readonly string[]).includes(stateOf(task));

/** Oldest first: by epoch, then attempt. */
export function inOrder(tasks: readonly MachineTask[]): readonly MachineTask[] {
  return tasks.toSorted((a, b) => a.spec.epoch - b.spec.epoch || a.spec.attempt - b.spec.attempt);
}

/** What the status says; the record's where the status was lost. Hearsay is left out. */
export function remembered(machine: Machine, record: MachineRecord | null): MachineRecord {
  const { status } = machine;
  const memory: MachineRecord =
    status === undefined || isBlank(status) ? { ...record, ...knownOf(status) } : status;
  if (!isHearsay(machine, memory.applied)) return memory;
  const { disk: _, ...applied } = memory.applied ?? {};
  return { ...memory, applied };
}

/** Who holds it, if a claim does; parses the record only where there is no status to go by. */
export function claimOf(machine: Machine): MachineRecord["claimRef"] {
  const { status } = machine;
  if (status !== undefined && !isBlank(status)) return status.claimRef;
  return remembered(machine, readRecord(machine)).claimRef;
}

/** A blank status was lost; what has been written to it since is still true. */
function knownOf(status: Machine["status"]): MachineRecord {
  const { epoch, claimRef, applied, addresses, identity, lastErase } = status ?? {};
  return Object.fromEntries(
    Object.entries({ epoch, claimRef, applied, addresses, identity, lastErase }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}

type Applied = MachineRecord["applied"];

/** What the records say of the disks: what was written down, and what the tasks since then tell. */
export function diskOf(
  applied: Applied,
  tasks: readonly MachineTask[],
  keepDisks: readonly string[] = [],
): Disk | "unknown" {
  const ordered = inOrder(tasks);
  const seen = ordered.findIndex(({ metadata }) => metadata.name === applied?.task);
  const news = ordered.slice(seen + 1).filter((task) => seen >= 0 || isNews(task, applied));
  return news.reduce(
    (disk, task) => AFTER[task.spec.type](disk, task, keepDisks),
    written(applied),
  );
}

/** With a record that names no task we know of, everything that a task tells counts. */
const isNews = (task: MachineTask, applied: Applied): boolean =>
  applied?.at === undefined || (task.metadata.creationTimestamp ?? "") >= applied.at;

/**
 * We wrote it, and what it was is lost. It is no foreigner's, for that is not enough to keep our hands
 * off; and no image's that anybody could ask for.
 */
const NOBODY_KNOWS = "?";

function written(applied: Applied): Disk | "unknown" {
  switch (applied?.disk) {
    case "Erased":
      return "erased";
    case "Partial":
      return { image: null };
    case "Foreign":
      return "foreign";
    case "Written":
      return { image: applied.imageDigest ?? NOBODY_KNOWS };
    case undefined:
      return "unknown";
  }
}

type Step = (
  disk: Disk | "unknown",
  task: MachineTask,
  keep: readonly string[],
) => Disk | "unknown";

const isGranted = ({ status }: MachineTask): boolean => status?.grant !== undefined;
const half: Disk = { image: null };

/** The disks after one more task. Without a grant no task can have written anything. */
const AFTER: Readonly<Record<TaskType, Step>> = {
  Commission: (disk, task, keep) =>
    stateOf(task) === "Succeeded" ? found(disk, task, keep) : disk,
  Deploy: (disk, task) => {
    if (!isGranted(task)) return unbegun(disk, task);
    const whole = ["Written", "Succeeded"].includes(stateOf(task));
    return { image: whole ? (task.spec.deploy?.artifact.digest ?? null) : null };
  },
  Erase: (disk, task) => {
    if (stateOf(task) === "Succeeded") return "erased";
    // That it was ordered says that there was something to erase, whatever a look had found.
    return isGranted(task) || disk === "erased" ? half : disk;
  },
  Rescue: (disk, task) => (isGranted(task) && disk === "erased" ? half : disk),
  Test: (disk) => disk,
  Firmware: (disk) => disk,
};

/**
 * Not granted, so nothing was written by it. But the record names its image as if it was there, from
 * before the first write on (ADR 0006): if that is all we have, only a look at the disks can tell.
 */
function unbegun(disk: Disk | "unknown", { spec }: MachineTask): Disk | "unknown" {
  const promised = typeof disk === "object" && disk.image === spec.deploy?.artifact.digest;
  return promised ? "unknown" : disk;
}

/**
 * What a look at the disks found, against what we believed. It looks for signatures, which an erase
 * takes first: where something of ours was, to see none of them is no proof that the rest is gone.
 */
function found(
  disk: Disk | "unknown",
  task: MachineTask,
  keepDisks: readonly string[],
): Disk | "unknown" {
  const results = task.status?.results ?? [];
  const data = results.some(
    (result) => result.outcome === "Data" && !keepDisks.includes(result.disk),
  );
  if (typeof disk === "object") return disk;
  return data ? "foreign" : "erased";
}

/** The newest task as the planner sees it; `offSince`: since when the machine was read off. */
export function taskFact(
  task: MachineTask | undefined,
  now: number,
  offSince: number | null = null,
): Task | null {
  if (task === undefined) return null;
  const { type, epoch, attempt } = task.spec;
  const late = now > deadlineOf(task);
  return {
    ...{ type, epoch, attempt, state: stateOf(task), late, conflict: isConflict(task) },
    incomplete: hasFailed(task, "EraseIncomplete"),
    rests: now < restedAt(task),
    deserted: isDeserted(task, now, offSince),
  };
}

/** When the next attempt may begin after one that failed, in milliseconds since the epoch; else 0. */
export function restedAt(task: MachineTask): number {
  const state = stateOf(task);
  const { finishedAt } = task.status ?? {};
  if (finishedAt === undefined || (state !== "Failed" && state !== "Expired")) return 0;
  return Date.parse(finishedAt) + retryDelay(task.spec.attempt);
}

/** So long a machine is read off until nobody can be at work in it: a BMC may err for a moment. */
export const DESERTED = seconds(60);

/** Off since after the task began: an older view of the machine may be from before its boot. */
function isDeserted({ status }: MachineTask, now: number, offSince: number | null): boolean {
  const { state, startedAt } = status ?? {};
  if (state !== "Running" || startedAt === undefined || offSince === null) return false;
  return offSince >= Date.parse(startedAt) && now - offSince >= DESERTED;
}

/** A rack found that another machine booted, or ran the agent, than the BMC speaks for. */
export const isConflict = (task: MachineTask): boolean => hasFailed(task, "IdentityConflict");

const hasFailed = ({ status }: MachineTask, reason: string): boolean =>
  status?.state === "Failed" && status.reason === reason;

/** When a live task is late, in milliseconds since the epoch; Infinity: never. */
export function deadlineOf({ metadata, spec, status }: MachineTask): number {
  const { state = "Pending", startedAt } = status ?? {};
  if (state === "Pending")
    return Date.parse(metadata.creationTimestamp ?? "") + ms(spec.bootDeadline);
  if (spec.runDeadline === undefined) return Number.POSITIVE_INFINITY;
  return Date.parse(startedAt ?? metadata.creationTimestamp ?? "") + ms(spec.runDeadline);
}

const ms = (span: string): Duration => seconds(Number.parseInt(span, 10));

/**
 * What has control of the machine, as far as the BMC and the tasks tell. An agent that has just
 * ended its task is there, whether or not the BMC was asked; unless the BMC says that it is off.
 */
export function runningOf(
  observation: BmcObservation | null,
  newest: MachineTask | undefined,
  now: number,
): Running | "unknown" {
  if (observation?.power === "off") return "nothing";
  if (newest !== undefined && lingers(newest, now)) return "agent";
  return observation?.power === "on" ? "os" : "unknown";
}

/** Whether the agent that ended this task well still waits for another one. */
export function lingers(task: MachineTask, now: number): boolean {
  const { state, finishedAt } = task.status ?? {};
  if (state !== "Succeeded" || finishedAt === undefined) return false;
  const waits = ["Commission", "Test", "Erase"].includes(task.spec.type);
  const since = now - Date.parse(finishedAt);
  return waits && since < LINGER && since > -LINGER;
}
