/**
 * What a booting machine gets: the table of design section 4. Pure, and without any effect: an
 * answer may come from an old view, permission to change a machine never does (see `grant.ts`).
 */
import type { Boot, Machine } from "#api/machine.ts";
import type { MachineTask } from "#api/machine-task.ts";
import type { Subnet } from "#api/zone.ts";
import { parseSystemUuid, sameSystem } from "#base/system-uuid.ts";
import { dueTask, newestTask, stateOf } from "./due-task.ts";

/** Why a machine got what it got: a label of the metric, and a word in the log. */
export type BootReason =
  | "Task"
  | "Warm"
  | "Memory"
  | "Deployed"
  | "Written"
  | "Orphan"
  | "Waiting"
  | "BootLoop"
  | "IdentityConflict"
  | "DuplicateMac"
  | "NotSynced"
  | "NothingRecorded"
  | "Unknown"
  | "Discovery"
  | "LookedAt";

export type BootAnswer =
  /** Without a machine: to be looked at only. Without a task: to wait for one. */
  | {
      readonly kind: "Agent";
      readonly reason: BootReason;
      readonly machine: Machine | null;
      readonly task: MachineTask | null;
    }
  /** Runs a netboot image. */
  | { readonly kind: "Memory"; readonly reason: BootReason; readonly machine: Machine }
  /** From its own disk. `task`: what was due for the machine that this one is not. */
  | { readonly kind: "Local"; readonly reason: BootReason; readonly task?: MachineTask | null }
  /** Waits and asks again. `task`: it did not come up with it, however often it booted. */
  | { readonly kind: "Hold"; readonly reason: BootReason; readonly task: MachineTask | null }
  /** On the wire only: no answer at all, or an address and nothing to boot. */
  | { readonly kind: "Silence" | "AddressOnly"; readonly reason: BootReason };

/** All that the answer depends on. */
export interface BootQuery {
  /** HTTP: it runs our first stage already, and always gets something. */
  readonly asked: "DHCP" | "HTTP";
  /** Option 97, or what iPXE read of the SMBIOS. */
  readonly uuid: string | null;
  /** All Machines of the zone that name the MAC; more than one is a mistake of somebody's. */
  readonly machines: readonly Machine[];
  /** Those of the machine. */
  readonly tasks: readonly MachineTask[];
  /** The zone's subnet that it asks from; `null`: none of ours. */
  readonly subnet: Pick<Subnet, "dhcp" | "discovery"> | null;
  /** Whether the rack has seen the API since it started: before that, absence means nothing. */
  readonly synced: boolean;
  /** How often it was told already to ask again, because nothing was seen yet. */
  readonly waits: number;
  /** How often the agent was booted for the due task without any progress. */
  readonly boots: number;
  /** Nobody names it, and it was given the agent at an earlier boot. */
  readonly looked: boolean;
}

/** Agent boots of one task without progress, until it is taken for a loop. */
export const MAX_BOOTS = 3;

/**
 * For about a minute a machine waits for a rack that was just started: from its disk it would be lost
 * for its task. Then it boots from there all the same, as a deployed one must with the API away.
 */
export const MAX_WAITS = 5;

const local = (reason: BootReason) => ({ kind: "Local", reason }) as const;

/** In any doubt: the local disk; before anything was seen: ask again. */
export function bootPolicy(query: BootQuery): BootAnswer {
  if (!query.synced) return forNobodyYet(query);
  const [machine, another] = query.machines;
  if (machine === undefined) return forUnknown(query);
  if (another !== undefined) return local("DuplicateMac");
  if (isSomebodyElse(query.uuid, machine, query.tasks)) {
    return { ...local("IdentityConflict"), task: dueTask(machine, query.tasks) };
  }
  return forTask(machine, query) ?? forStatus(machine);
}

const silence = (reason: BootReason): BootAnswer => ({ kind: "Silence", reason });

function forNobodyYet({ asked, waits }: BootQuery): BootAnswer {
  if (asked === "DHCP") return silence("NotSynced");
  return waits < MAX_WAITS ? { kind: "Hold", reason: "NotSynced", task: null } : local("NotSynced");
}

/** It may be somebody's server: it is looked at once, and then left alone. */
function forUnknown({ asked, subnet, looked }: BootQuery): BootAnswer {
  if (looked) return local("LookedAt");
  if ((subnet?.discovery ?? "Off") !== "Off") {
    return { kind: "Agent", reason: "Discovery", machine: null, task: null };
  }
  if (asked === "HTTP") return local("Unknown");
  return subnet?.dhcp === "Server"
    ? { kind: "AddressOnly", reason: "Unknown" }
    : silence("Unknown");
}

/** Whether who boots says that it is another system than the one that was expected. */
function isSomebodyElse(
  seen: string | null,
  machine: Machine,
  tasks: readonly MachineTask[],
): boolean {
  const expected =
    dueTask(machine, tasks)?.spec.expect?.systemUUID ?? machine.status?.identity?.systemUUID;
  if (seen === null || expected === undefined) return false;
  const [a, b] = [parseSystemUuid(seen), parseSystemUuid(expected)];
  return a !== null && b !== null && !sameSystem(a, b);
}

function forTask(machine: Machine, { tasks, boots }: BootQuery): BootAnswer | null {
  const newest = newestTask(machine, tasks);
  if (newest?.spec.type === "Deploy" && stateOf(newest) === "Written") return local("Written");
  const task = dueTask(machine, tasks);
  if (task === null) return null;
  return boots < MAX_BOOTS
    ? { kind: "Agent", reason: "Task", machine, task }
    : { kind: "Hold", reason: "BootLoop", task };
}

const BY_STATUS: Readonly<Record<Boot, (machine: Machine) => BootAnswer>> = {
  Agent: (machine) => ({ kind: "Agent", reason: "Warm", machine, task: null }),
  Memory: (machine) => ({ kind: "Memory", reason: "Memory", machine }),
  Local: () => local("Deployed"),
  Hold: () => ({ kind: "Hold", reason: "Waiting", task: null }),
};

function forStatus(machine: Machine): BootAnswer {
  if (machine.metadata.deletionTimestamp !== undefined) return local("Orphan");
  const boot = machine.status?.boot;
  return boot === undefined ? local("NothingRecorded") : BY_STATUS[boot](machine);
}
