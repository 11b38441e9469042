import type { Deploy } from "#api/deploy.ts";
import type { EraseMethod, Machine } from "#api/machine.ts";
import type { DeployPlan, ErasePlan, MachineTaskSpec } from "#api/machine-task.ts";
import type { MachineRecord } from "#api/record.ts";
import { type Duration, hours, minutes, seconds } from "#base/duration.ts";
import { LIFECYCLE, type Phase } from "#lifecycle/table.ts";
import type { TaskIntent } from "#lifecycle/tasks.ts";
import { largestDisk } from "#placement/disks.ts";
import type { Gathered } from "./gather.ts";

const BOOT_DEADLINE = minutes(10); // servers with much memory take their time
const LOOK_DEADLINE = minutes(15); // a Commission stays Pending until it ends: its run is in here

/**
 * What the slowest disk that is worth keeping takes for a whole overwrite, on a bus that it shares.
 * Disks are erased side by side, so the largest counts.
 */
const ERASE_MIB_PER_SECOND = 50;
/** For disks of unknown size: an erase that is cut off has to begin anew. */
const ERASE_DEADLINE = hours(72);

/** What a machine gives its disks back by, where it does not say. */
const DEFAULT_ERASE: EraseMethod = "Secure";

/** The task as it is recorded: everything is resolved, nothing is looked up later. */
export function taskSpec(
  intent: TaskIntent,
  machine: Machine,
  phase: Phase,
  gathered: Pick<Gathered, "memory" | "artifact"> & { readonly deploy: Deploy | null },
  seedSecret: string | null,
): MachineTaskSpec {
  const deadline = runDeadline(intent.type, machine, phase);
  const { identity } = gathered.memory;
  return {
    machineRef: { name: machine.metadata.name, uid: machine.metadata.uid },
    zone: machine.spec.zoneRef.name,
    ...intent,
    macAddresses: macsOf(machine, gathered.memory),
    ...(identity !== undefined && { expect: expected(identity) }),
    bootDeadline: inSeconds(intent.type === "Commission" ? LOOK_DEADLINE : BOOT_DEADLINE),
    ...(deadline !== null && { runDeadline: inSeconds(deadline) }),
    ...(intent.type === "Deploy" && deployPlan(machine, gathered, seedSecret)),
    ...(intent.type === "Erase" && { erase: erasePlan(machine, gathered.memory) }),
  };
}

/** From the grant on; `null`: none. An agent that died is found earlier: its machine is off, or fenced by a person. */
function runDeadline(
  type: TaskIntent["type"],
  { spec, status }: Machine,
  phase: Phase,
): Duration | null {
  const { deadline } = LIFECYCLE[phase];
  const method = spec.onRelease?.erase ?? DEFAULT_ERASE;
  const isWhole = type === "Erase" && (method === "Full" || method === "Secure");
  if (!isWhole || deadline === null) return deadline;
  if (status?.hardware === undefined) return ERASE_DEADLINE;
  const whole = seconds(Math.ceil((largestDisk(status.hardware) * 1_024) / ERASE_MIB_PER_SECOND));
  return Math.max(deadline, whole) as Duration;
}

/** Any interface that is known counts as the machine. */
function macsOf({ spec }: Machine, { identity }: MachineRecord): string[] {
  const all = [...spec.boot.macAddresses, ...(identity?.macAddresses ?? [])];
  return [...new Set(all.map((mac) => mac.toLowerCase()))].slice(0, 64);
}

/** What the agent is to find on the host. */
function expected(identity: NonNullable<MachineRecord["identity"]>) {
  const { systemUUID, serial } = identity.host ?? identity;
  return {
    ...(systemUUID !== undefined && { systemUUID }),
    ...(serial !== undefined && { serial }),
  };
}

function deployPlan(
  { metadata, spec }: Machine,
  { artifact, deploy }: Pick<Gathered, "artifact"> & { readonly deploy: Deploy | null },
  seedSecret: string | null,
): { readonly deploy?: DeployPlan } {
  if (!("artifact" in artifact) || deploy === null) return {};
  const { rootDevice } = spec.boot;
  const keepDisks = spec.onRelease?.keepDisks;
  return {
    deploy: {
      image: artifact.image.metadata.name,
      artifact: artifact.artifact,
      readiness: artifact.image.spec.readiness,
      ...(rootDevice !== undefined && { rootDevice }),
      ...(keepDisks !== undefined && { keepDisks }),
      hostname: deploy.hostname ?? metadata.name,
      ...(deploy.kernelArgs !== undefined && { kernelArgs: deploy.kernelArgs }),
      ...(seedSecret !== null && { seedSecret }),
    },
  };
}

function erasePlan({ spec }: Machine, { identity }: MachineRecord): ErasePlan {
  const keepDisks = spec.onRelease?.keepDisks;
  return {
    method: spec.onRelease?.erase ?? DEFAULT_ERASE,
    ...(keepDisks !== undefined && { keepDisks }),
    ...(identity?.diskSerials !== undefined && { expectDisks: identity.diskSerials }),
  };
}

const inSeconds = (time: Duration): string => `${time / 1_000}s`;
