import { MACHINE_FINALIZER } from "#api/group.ts";
import type { Machine, MachineStatus } from "#api/machine.ts";
import { taskName } from "#api/machine-task.ts";
import { type MachineRecord, writeRecord } from "#api/record.ts";
import { type Duration, seconds } from "#base/duration.ts";
import { Failure } from "#base/failure.ts";
import type { BmcDriver, BootTarget, FirmwareMode } from "#bmc/driver.ts";
import { ordered } from "#lifecycle/guards.ts";
import type { Plan } from "#lifecycle/plan.ts";
import type { Action, TaskIntent } from "#lifecycle/tasks.ts";
import type { Deps } from "./deps.ts";
import { inOrder } from "./evidence.ts";
import { answersForAnother, type Gathered } from "./gather.ts";
import { START_SETTLE, STOP_SETTLE } from "./memory.ts";
import type { Observed } from "./observe.ts";
import { taskSpec } from "./task-spec.ts";
import { hasSecrets } from "./wanted.ts";

const FRESH = seconds(3); // a look within the same reconcile

/** What the actions of one plan work on; `machine` is replaced as it is written. */
export interface Context {
  machine: Machine;
  readonly status: MachineStatus;
  readonly decided: Plan;
  readonly observed: Observed;
  readonly gathered: Gathered;
}

/**
 * Does one thing; whether to go on with the next. One arm per kind: an action that nobody performs
 * does not compile.
 */
export async function perform(
  action: Action,
  context: Context,
  deps: Deps,
  signal: AbortSignal,
): Promise<boolean> {
  switch (action.kind) {
    case "writeRecord":
      context.machine = await deps.writeRecord(context.machine, recordFor(context), signal);
      return true;
    case "createTask":
      return create(action.intent, context, deps, signal);
    case "endTask":
      return end(action, context, deps, signal);
    case "bootAgent":
      return command(context, START_SETTLE, deps, signal, (bmc) => {
        const { target, mode } = bootOf(context.machine);
        return bmc.bootOnce(target, mode, signal);
      });
    case "power": {
      const settle = action.want === "off" ? STOP_SETTLE : START_SETTLE;
      return command(context, settle, deps, signal, (bmc) => bmc.setPower(action.want, signal));
    }
    case "shutdown":
      // Recorded before: whether or not this is heard, the planner cuts the power in the end.
      return command(context, STOP_SETTLE, deps, signal, async (bmc) => {
        if (!(await bmc.shutdown(signal))) await bmc.setPower("off", signal);
      });
    case "restart":
      return command(context, START_SETTLE, deps, signal, (bmc) => bmc.restart(signal));
    case "releaseFinalizer":
      await dropSeeds(context, deps, signal);
      if (context.machine.metadata.finalizers?.includes(MACHINE_FINALIZER)) {
        await deps.releaseFinalizer(context.machine, signal);
      }
      return true;
  }
}

/** The tasks go with their Machine; the copies of its user data are in another namespace. */
async function dropSeeds({ observed }: Context, deps: Deps, signal: AbortSignal): Promise<void> {
  for (const { spec } of observed.inputs.tasks) {
    const seed = spec.deploy?.seedSecret;
    if (seed !== undefined) await deps.dropSeed(spec.zone, seed, signal);
  }
}

/**
 * What outlives the status. Before a first write it says of the image that it is on the disk: if
 * nothing but the record is left one day, the machine counts as deployed, and nobody touches it.
 */
function recordFor({ status, decided }: Context): string {
  const { applied } = status;
  if (decided.phase !== "Deploying" || applied === undefined) return writeRecord(status);
  return writeRecord({ ...status, applied: { ...applied, disk: "Written" } });
}

async function create(
  intent: TaskIntent,
  { machine, decided, gathered, status, observed }: Context,
  deps: Deps,
  signal: AbortSignal,
): Promise<boolean> {
  const { name, uid } = machine.metadata;
  const task = taskName({ machineRef: { name, uid }, ...intent });
  const { wanted } = observed.inputs;
  const seeded = intent.type === "Deploy" && wanted !== null && hasSecrets(wanted);
  if (seeded) await deps.copySeed(machine, wanted, task, signal);
  const learned = { ...gathered.memory, ...status }; // with what was learned just now
  const memory = isAccepted(decided, gathered) ? withoutHost(learned) : learned;
  const made = { ...gathered, memory, deploy: wanted?.deploy ?? null };
  const spec = taskSpec(intent, machine, decided.phase, made, seeded ? task : null);
  // Before the boot: whatever boots, only the agent that is granted this task may write.
  return deps.createTask(task, spec, machine, labelsOf(intent, gathered), signal);
}

/** A person says that the host is the right one, though the BMC calls it something else. */
const isAccepted = ({ accepted }: Plan, { facts }: Gathered): boolean =>
  accepted && facts.saw.task?.conflict === true;

/** The next agent is let in whatever its host calls itself; its inventory then says what that is. */
function withoutHost<M extends Pick<MachineRecord, "identity">>(memory: M): M {
  const { systemUUID: _, serial: __, host: ___, ...identity } = memory.identity ?? {};
  return { ...memory, identity };
}

/** On whose word an Erase is done: the zone's brake counts releases. */
export const ORDER_LABEL = "steelyard.dev/order";

const labelsOf = ({ type }: TaskIntent, { facts }: Gathered): Record<string, string> =>
  type === "Erase" ? { [ORDER_LABEL]: ordered(facts) ? "Release" : "Wipe" } : {};

async function end(
  action: Extract<Action, { kind: "endTask" }>,
  { observed, decided }: Context,
  deps: Deps,
  signal: AbortSignal,
): Promise<boolean> {
  const { epoch, attempt } = action.task;
  const task = inOrder(observed.inputs.tasks).find(
    ({ spec }) => spec.epoch === epoch && spec.attempt === attempt,
  );
  if (task === undefined) return false;
  const message = WHY_ENDED[action.why](decided.phase);
  return deps.endTask(task, action.state, message, signal);
}

const WHY_ENDED: Readonly<
  Record<Extract<Action, { kind: "endTask" }>["why"], (phase: string) => string>
> = {
  late: () => "Its deadline passed: see the machine's console.",
  deserted: () => "The machine is off, so its agent is gone: see the machine's console and power.",
  unwanted: (phase) => `The machine is ${phase} now.`,
};

/** One command to the BMC, after a look that it is still the machine that we mean. */
async function command(
  context: Context,
  settle: Duration,
  deps: Deps,
  signal: AbortSignal,
  send: (bmc: BmcDriver) => Promise<void>,
): Promise<true> {
  const { uid } = context.machine.metadata;
  const { driver } = await deps.openBmc(context.machine, signal);
  await using bmc = driver;
  await assertSame(context, bmc, deps, signal);
  deps.memory.commanded(uid, deps.clock.now(), settle);
  await send(bmc);
  deps.memory.commanded(uid, deps.clock.now(), settle);
  return true;
}

/** Identity is read again before whatever changes a machine (design section 5). */
async function assertSame(
  { machine, status }: Context,
  bmc: BmcDriver,
  deps: Deps,
  signal: AbortSignal,
): Promise<void> {
  const { systemUUID, serial } = status.identity ?? {};
  if (deps.memory.view(machine.metadata.uid, deps.clock.now(), FRESH) !== null) return;
  const seen = await bmc.observe(signal);
  if (!answersForAnother(status.identity, seen)) return;
  deps.memory.forget(machine.metadata.uid);
  throw new Failure(
    "IdentityChanged",
    `The BMC at ${machine.spec.bmc.address} answers for ${seen.systemUuid} / ${seen.serial}, not for ${systemUUID} / ${serial}.`,
  );
}

function bootOf({ spec }: Machine): { target: BootTarget; mode: FirmwareMode } {
  const { method, mode } = spec.boot;
  return {
    target: method === "HTTPBoot" ? "http" : "network",
    mode: mode === "Legacy" ? "Legacy" : "UEFI",
  };
}
