import type { Machine, MachineStatus } from "#api/machine.ts";
import { providerID } from "#api/machine-claim.ts";
import type { MachineApplied } from "#api/machine-facts.ts";
import type { DeployPlan, MachineTask } from "#api/machine-task.ts";
import { isBlank, type MachineRecord } from "#api/record.ts";
import { kubeTime } from "#kube/conditions.ts";
import type { Disk } from "#lifecycle/facts.ts";
import type { Plan } from "#lifecycle/plan.ts";
import type { Phase } from "#lifecycle/table.ts";
import { conditionsOf } from "./conditions.ts";
import { diskOf, hasEnded, inOrder, stateOf } from "./evidence.ts";
import type { Gathered, Inputs } from "./gather.ts";
import { type Learned, learn } from "./learn.ts";

/** What was found out besides the facts, and is written down with the plan. */
export interface Findings {
  readonly addresses: MachineStatus["addresses"];
  /** Of the Commission that has just ended well; null: none, or it is written down already. */
  readonly learned: Learned | null;
  readonly userDataHash: string | null;
  readonly credentialsVersion: string | null;
}

/** The status that says what was planned and seen. Pure; whoever writes it sends the difference. */
export function outcome(
  inputs: Inputs,
  gathered: Gathered,
  plan: Plan,
  findings: Findings,
): MachineStatus {
  const { machine, now } = inputs;
  const { memory, newest } = gathered;
  const before = machine.status;
  const entered = isBlank(before) || plan.phase !== before?.phase;
  const applied = appliedAfter(inputs, gathered, plan, findings);
  return {
    observedGeneration: machine.metadata.generation ?? 0,
    phase: plan.phase,
    ...optional("phaseSince", entered ? kubeTime(now) : before?.phaseSince),
    epoch: plan.epoch,
    boot: bootOf(plan.phase, inputs),
    ...optional("power", powerOf(inputs, gathered) ?? before?.power),
    ...(!plan.freed && tenureOf(gathered, applied)),
    ...optional("addresses", findings.addresses ?? memory.addresses),
    ...optional("task", newest && { name: newest.metadata.name, state: stateOf(newest) }),
    ...optional("ending", endingOf(plan, before, now)),
    ...optional("identity", learn(memory.identity, told(inputs), findings.learned, plan.accepted)),
    ...optional("hardware", findings.learned?.hardware ?? before?.hardware),
    applied,
    ...optional("lastErase", lastErase(gathered) ?? memory.lastErase),
    conditions: conditionsOf(inputs, gathered, plan),
  };
}

/** Its time runs from when it was first asked, whatever it is for by now. */
function endingOf(
  { ending }: Plan,
  before: MachineStatus | undefined,
  now: number,
): MachineStatus["ending"] {
  if (ending === null) return undefined;
  return {
    for: ending.for === "off" ? "Off" : "Reboot",
    since: before?.ending?.since ?? kubeTime(now),
    ...(ending.stopped && { stopped: true }),
  };
}

/** What lasts as long as somebody holds the machine. */
function tenureOf(
  { memory, facts }: Gathered,
  { image }: MachineApplied,
): Pick<MachineStatus, "image" | "claimRef" | "providerID"> {
  const { disk } = facts.saw;
  const whole = typeof disk === "object" && disk.image !== null;
  return {
    ...optional("image", whole ? image : undefined),
    ...optional("claimRef", memory.claimRef),
    ...optional("providerID", memory.claimRef && providerID(memory.claimRef.uid)),
  };
}

/** Only what is there: `undefined` is never assigned. */
const optional = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
  (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };

/** What a rack answers when no task is due (design section 4). */
function bootOf(
  phase: Phase,
  { machine: { spec }, wanted }: Inputs,
): NonNullable<MachineStatus["boot"]> {
  if (phase === "Rescue") return "Agent";
  if (phase === "Ready" || phase === "Allocated") return spec.standby === "Warm" ? "Agent" : "Hold";
  return phase === "Deployed" && wanted?.deploy.method === "Memory" ? "Memory" : "Local";
}

/** What a BMC says that may be another machine's is not learned: it would outlast the correction. */
const told = ({ bmc, duplicate }: Inputs): Inputs["bmc"] =>
  duplicate === null ? bmc : { unread: true };

/** What the BMC says; and a system that has just reported in runs, whether or not it was asked. */
function powerOf({ bmc }: Inputs, { memory, newest }: Gathered): MachineStatus["power"] {
  if (!("observation" in bmc)) {
    const isNews = newest !== undefined && newest.metadata.name !== memory.applied?.task;
    return isNews && systemOf(newest) !== undefined ? "On" : undefined;
  }
  return ({ on: "On", off: "Off", unknown: "Unknown" } as const)[bmc.observation.power];
}

const APPLIED_DISK = (disk: Disk | "unknown"): MachineApplied["disk"] => {
  if (disk === "unknown") return undefined;
  if (disk === "erased") return "Erased";
  if (disk === "foreign") return "Foreign";
  return disk.image === null ? "Partial" : "Written";
};

/** Folds what ended tasks tell into what is written down; a live task goes on telling by itself. */
function appliedAfter(
  inputs: Inputs,
  { memory, artifact }: Gathered,
  plan: Plan,
  findings: Findings,
): MachineApplied {
  const { machine, tasks, now } = inputs;
  const ended = inOrder(tasks).filter(hasEnded);
  const disk = APPLIED_DISK(diskOf(memory.applied, ended, machine.spec.onRelease?.keepDisks));
  const last = ended.at(-1)?.metadata.name;
  const { image, imageDigest, userDataHash, ...rest } = memory.applied ?? {};
  const news = last !== undefined && last !== rest.task;
  // It corrects an intent, and makes none: a record of an image without a holder is an order to release.
  const written = imageDigest === undefined ? undefined : systemOf(ended.at(-1));
  const what =
    isToBeWritten(machine, plan) && "artifact" in artifact
      ? {
          image: artifact.image.metadata.name,
          imageDigest: artifact.artifact.digest,
          ...optional("userDataHash", findings.userDataHash ?? undefined),
        }
      : {
          ...optional("image", written?.image ?? image),
          ...optional("imageDigest", written?.artifact.digest ?? imageDigest),
          ...optional("userDataHash", userDataHash),
        };
  return {
    ...(plan.freed ? {} : what),
    ...optional("disk", disk),
    ...optional("task", last ?? rest.task),
    ...optional("at", news ? kubeTime(now) : rest.at),
    ...optional("nonces", noncesAfter(machine, memory, plan)),
    ...optional("credentialsVersion", findings.credentialsVersion ?? rest.credentialsVersion),
  };
}

/** The intent: with the phase, and anew with each attempt, for what is wanted may change in between. */
const isToBeWritten = ({ status }: Machine, { phase, actions }: Plan): boolean =>
  phase === "Deploying" &&
  (status?.phase !== "Deploying" ||
    actions.some((one) => one.kind === "createTask" && one.intent.type === "Deploy"));

/** What the task has written, whatever was intended by then. */
const systemOf = (task: MachineTask | undefined): DeployPlan | undefined =>
  task !== undefined && stateOf(task) === "Succeeded" ? task.spec.deploy : undefined;

/** Answered nonces; at the first sight of a machine all of them, unheard. */
function noncesAfter(
  { spec, status }: Machine,
  { applied }: MachineRecord,
  plan: Plan,
): MachineApplied["nonces"] {
  const first = applied?.nonces === undefined && isBlank(status);
  if (first) return spec.nonces;
  const answers = plan.answered.map((name) => [name, spec.nonces?.[name]] as const);
  if (answers.length === 0) return applied?.nonces;
  return { ...applied?.nonces, ...Object.fromEntries(answers) };
}

function lastErase({ newest }: Gathered): MachineStatus["lastErase"] {
  if (newest?.spec.type !== "Erase" || stateOf(newest) !== "Succeeded") return undefined;
  const { finishedAt } = newest.status ?? {};
  const method = newest.spec.erase?.method ?? "None";
  if (finishedAt === undefined) return undefined;
  return { task: newest.metadata.name, finishedAt, method };
}
