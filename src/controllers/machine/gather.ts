import type { Machine } from "#api/machine.ts";
import type { MachineTask } from "#api/machine-task.ts";
import type { OSImage } from "#api/os-image.ts";
import { isBlank, isHearsay, type MachineRecord } from "#api/record.ts";
import { DEFAULT_RELEASES_PER_HOUR, type Zone } from "#api/zone.ts";
import type { FailureReason } from "#base/failure.ts";
import type { BmcObservation } from "#bmc/driver.ts";
import {
  type Disk,
  type Evidence,
  type Facts,
  type Holder,
  holding,
  type Nonce,
  pending,
} from "#lifecycle/facts.ts";
import { isAnother } from "#lifecycle/guards.ts";
import { GRACE } from "#lifecycle/power.ts";
import { LIFECYCLE } from "#lifecycle/table.ts";
import {
  deadlineOf,
  diskOf,
  hasEnded,
  inOrder,
  isConflict,
  lingers,
  remembered,
  runningOf,
  taskFact,
} from "./evidence.ts";
import { type Suitable, suitable } from "./image.ts";
import type { Wanted } from "./wanted.ts";

/** Why something is held up: the reason, and what a person should read. */
export interface Trouble {
  readonly reason: FailureReason;
  readonly message: string;
}

/** What was read of the BMC: an answer, or why there is none. */
export type BmcSeen =
  | { readonly observation: BmcObservation }
  | { readonly trouble: Trouble }
  /** It was not asked, or told to do something so lately that it may not say so yet. */
  | { readonly unread: true };

/** All that the facts are made of, as it was read. */
export interface Inputs {
  readonly machine: Machine;
  readonly record: MachineRecord | null;
  /** All MachineTasks of this very Machine (by UID). */
  readonly tasks: readonly MachineTask[];
  readonly zone: Zone | undefined;
  /** What is to run there: the claim's wish, or the spec's. */
  readonly wanted: Wanted | null;
  /** The HardwareProfile that the spec names, where it is not there. */
  readonly profile: Trouble | null;
  /** The OSImage that it names. */
  readonly image: OSImage | undefined;
  /** What is under the name in claimRef. */
  readonly claim: Evidence["claim"];
  /** What is wrong with the Secrets that it names. */
  readonly userData: Trouble | null;
  readonly bmc: BmcSeen;
  readonly duplicate: Trouble | null;
  /** Since when each look at it found it off. */
  readonly offSince: number | null;
  /** Other machines of the zone that were released within the hour. */
  readonly releases: () => number;
  readonly now: number;
}

/** The facts, and the words for what is wrong, which the planner does not need. */
export interface Gathered {
  readonly facts: Facts;
  readonly memory: MachineRecord;
  readonly newest: MachineTask | undefined;
  readonly artifact: Suitable;
  readonly troubles: readonly Trouble[];
}

/** Makes facts of what was read. Pure: no clock, no client. */
export function gather(inputs: Inputs): Gathered {
  const { machine, record, tasks, bmc, duplicate } = inputs;
  const memory = remembered(machine, record);
  const newest = inOrder(tasks).at(-1);
  const disk = diskOf(memory.applied, tasks, machine.spec.onRelease?.keepDisks);
  const asked = asks(machine, memory);
  const artifact = suitable(inputs.wanted?.deploy, inputs.image, machine.status?.hardware);
  const settled = isSettled(inputs.wanted, artifact, disk) && !asked.includes("deploy");
  const trouble = troubleOf(inputs, artifact, settled);
  const saw = seen(inputs, memory, newest, disk);
  const facts: Facts = {
    phase: phaseOf(machine),
    // Where all records were lost, an epoch that tasks bear is still taken, and so are their names.
    epoch: Math.max(memory.epoch ?? 0, newest?.spec.epoch ?? 0),
    want: wanted(inputs, { asked, artifact, trouble, holder: saw.holder }),
    saw,
  };
  const other = isAnother(facts) ? somebodyElse(inputs, memory, newest) : null;
  const troubles = [duplicate, other, trouble, "trouble" in bmc ? bmc.trouble : null];
  return { facts, memory, newest, artifact, troubles: troubles.filter((one) => one !== null) };
}

/** Nothing is built on a phase whose disks are known by hearsay: it begins anew. */
function phaseOf(machine: Machine): Facts["phase"] {
  const { status } = machine;
  if (isBlank(status) || isHearsay(machine, status?.applied)) return "New";
  return status?.phase ?? "New";
}

/** At the first sight of a machine its nonces are only adopted. */
function asks({ spec, status }: Machine, { applied }: MachineRecord): readonly Nonce[] {
  const answered = applied?.nonces ?? (isBlank(status) ? undefined : {});
  return pending(spec.nonces ?? {}, answered);
}

interface Wishes {
  readonly asked: readonly Nonce[];
  readonly artifact: Suitable;
  readonly trouble: Trouble | null;
  readonly holder: Holder;
}

function wanted(inputs: Inputs, { asked, artifact, trouble, holder }: Wishes): Facts["want"] {
  const { spec, metadata } = inputs.machine;
  return {
    mode: spec.mode,
    paused: spec.paused,
    protected: spec.protected,
    asked,
    image: "artifact" in artifact ? artifact.artifact.digest : null,
    reinstall: inputs.wanted?.reinstall ?? false,
    trouble: trouble?.reason ?? null,
    power: powerWanted(inputs, holder),
    adoption: spec.adoption,
    deleted: metadata.deletionTimestamp !== undefined,
    deletionPolicy: spec.deletionPolicy,
  };
}

function seen(
  inputs: Inputs,
  memory: MachineRecord,
  newest: MachineTask | undefined,
  disk: Disk | "unknown",
): Facts["saw"] {
  const { machine, now, bmc } = inputs;
  const observation = "observation" in bmc ? bmc.observation : null;
  const { holder, order } = holding({
    deploy: machine.spec.deploy !== undefined,
    claimRef: memory.claimRef ?? null,
    claim: inputs.claim,
    applied: memory.applied?.imageDigest !== undefined,
  });
  return {
    holder,
    order,
    brake: order !== null && inputs.releases() >= releasesAllowed(inputs.zone),
    duplicate: inputs.duplicate?.reason ?? null,
    known: isKnown(inputs),
    identity: identityFact(memory.identity, observation, agentIsThere(newest, now)),
    running: runningOf(observation, newest, now),
    bmc: "trouble" in bmc ? bmc.trouble.reason : null,
    disk,
    task: taskFact(newest, now, observation?.power === "off" ? inputs.offSince : null),
    ending: endingFact(machine, now),
    overdue: isOverdue(inputs),
  };
}

/**
 * Not met for the first time: a task of ours, a record, or a phase beyond New says so. That we wrote
 * down a stranger's phase does not make it an acquaintance.
 */
export function isKnown({ machine, record, tasks }: Pick<Inputs, "machine" | "record" | "tasks">) {
  const { epoch = 0 } = machine.status ?? {};
  return phaseOf(machine) !== "New" || epoch > 0 || record !== null || tasks.length > 0;
}

/** What was asked of the system, and whether its time is over. */
function endingFact({ status }: Machine, now: number): Facts["saw"]["ending"] {
  const ending = isBlank(status) ? undefined : status?.ending;
  if (ending === undefined) return null;
  return {
    for: ending.for === "Off" ? "off" : "reboot",
    stopped: ending.stopped === true,
    late: now >= Date.parse(ending.since) + GRACE,
  };
}

const releasesAllowed = (zone: Zone | undefined): number =>
  zone?.spec.limits?.maxReleasesPerHour ?? DEFAULT_RELEASES_PER_HOUR;

/** What keeps the next task from being made. An image that is on the disk is not missed. */
function troubleOf(inputs: Inputs, artifact: Suitable, settled: boolean): Trouble | null {
  const { machine, zone } = inputs;
  if (zone === undefined) {
    const name = machine.spec.zoneRef.name;
    return { reason: "ZoneNotFound", message: `There is no Zone "${name}": apply it.` };
  }
  if (machine.spec.boot.method === "VirtualMedia") {
    const instead = "use Auto, PXE or HTTPBoot";
    const message = `spec.boot.method VirtualMedia is not supported yet: ${instead}.`;
    return { reason: "DeployUnsupported", message };
  }
  const phase = phaseOf(machine);
  const due = ["Ready", "Allocated", "Deploying"].includes(phase);
  if (inputs.profile !== null && !settled && (due || phase === "New")) return inputs.profile;
  if (inputs.wanted === null || settled || !due) return null;
  return "trouble" in artifact ? artifact.trouble : inputs.userData;
}

/** Power is kept only where it is declared. */
function powerWanted({ machine, wanted }: Inputs, holder: Holder): Facts["want"]["power"] {
  const { spec } = machine;
  const phase = phaseOf(machine);
  const declared = wanted?.deploy.power;
  if (phase === "Deployed" && declared !== undefined) return declared === "On" ? "on" : "off";
  if (phase !== "Ready" || holder !== "none" || spec.standby === undefined) return null;
  return spec.standby === "Off" ? "off" : "on";
}

const agentIsThere = (newest: MachineTask | undefined, now: number): boolean =>
  newest !== undefined && lingers(newest, now);

/**
 * What the BMC reports against what was learned; what either does not say proves nothing. A rack
 * compared it with the host's own word before it let the agent begin.
 */
function identityFact(
  learned: MachineRecord["identity"],
  seen: BmcObservation | null,
  proven: boolean,
): Facts["saw"]["identity"] {
  if (seen === null) return proven ? "same" : "unread";
  return answersForAnother(learned, seen) ? "changed" : "same";
}

/** Whether the BMC names another machine than the one that was learned. */
export function answersForAnother(
  learned: MachineRecord["identity"],
  { systemUuid, serial }: BmcObservation,
): boolean {
  const differ = (a: string | undefined, b: string | null): boolean =>
    a !== undefined && b !== null && a !== b;
  return differ(learned?.systemUUID, systemUuid) || differ(learned?.serial, serial);
}

/** Who answers in its place, in words. */
function somebodyElse(
  { machine, bmc }: Inputs,
  { identity }: MachineRecord,
  newest: MachineTask | undefined,
): Trouble {
  const reason = "IdentityChanged";
  const help = "Correct spec.bmc.address; if the hardware is right, change nonces.acceptHardware.";
  if (newest !== undefined && isConflict(newest))
    return { reason, message: `${newest.status?.message} ${help}` };
  const seen = "observation" in bmc ? bmc.observation : null;
  const was = `${identity?.systemUUID ?? "?"} (serial ${identity?.serial ?? "?"})`;
  const is = `${seen?.systemUuid ?? "?"} (serial ${seen?.serial ?? "?"})`;
  const message = `The BMC at ${machine.spec.bmc.address} answers for ${is}, not for ${was}. ${help}`;
  return { reason, message };
}

/** An image is on the disk, and nobody wants another one there. */
function isSettled(wanted: Wanted | null, artifact: Suitable, disk: Disk | "unknown"): boolean {
  if (typeof disk !== "object" || disk.image === null) return false;
  if (wanted?.reinstall !== true) return true;
  return "artifact" in artifact && artifact.artifact.digest === disk.image;
}

function isOverdue({ machine, wanted, tasks, now }: Inputs): boolean {
  const { status } = machine;
  const phase = phaseOf(machine);
  const { deadline } = LIFECYCLE[phase];
  if (deadline === null || status?.phaseSince === undefined) return false;
  if (phase === "Allocated" && wanted === null) return false; // held for nothing but to be held
  const newest = inOrder(tasks).at(-1);
  if (newest !== undefined && !hasEnded(newest) && now <= deadlineOf(newest)) return false;
  return now > Date.parse(status.phaseSince) + 2 * deadline; // its task has the deadline; this is the net
}
