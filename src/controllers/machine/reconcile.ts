import type { Machine, MachineStatus } from "#api/machine.ts";
import { isBlank } from "#api/record.ts";
import { backoff } from "#base/backoff.ts";
import { type Duration, minutes, seconds } from "#base/duration.ts";
import { FAILURES, Failure, type FailureReason } from "#base/failure.ts";
import { isSame } from "#base/same.ts";
import type { Requeue } from "#kube/controller.ts";
import { ordered } from "#lifecycle/guards.ts";
import { type Plan, plan } from "#lifecycle/plan.ts";
import { LIFECYCLE, type Phase } from "#lifecycle/table.ts";
import { allocate } from "./addresses.ts";
import type { Deps } from "./deps.ts";
import { deadlineOf, hasEnded, inOrder, restedAt } from "./evidence.ts";
import { type Gathered, gather, type Trouble } from "./gather.ts";
import { STRANGER_SETTLE, VIEW_AGE } from "./memory.ts";
import { explained, type Observed, observe } from "./observe.ts";
import { outcome } from "./outcome.ts";
import { type Context, perform } from "./perform.ts";
import { firstRest, REST, restOf } from "./rest.ts";
import { tell, tellIgnored, withTrouble } from "./story.ts";

const LIVE = seconds(30); // a machine that should boot is looked at twice a minute at most
const ENDING = (VIEW_AGE + seconds(1)) as Duration; // a system that was asked to end
const CATCH_UP = seconds(1); // our view was old: let the cache see what we wrote
const LONGEST = minutes(10);
const AGENT_GONE = seconds(90);
const KEPT_TASKS = 3;

/**
 * Brings one machine a step nearer to its spec: observe, plan, record the intent, act.
 *
 * Never sleeps and never waits for hardware. A {@link Failure} becomes a condition; anything else
 * that is thrown is a bug, or the API server's no, and goes up to the queue, which backs off.
 */
export async function reconcile(key: string, deps: Deps, signal: AbortSignal): Promise<Requeue> {
  const machine = deps.get(key);
  if (machine === undefined) return { after: null };
  const rest = await firstRest(machine, deps, signal);
  if (rest !== null) return { after: rest };

  const observed = await observe(machine, deps, signal);
  const gathered = gather(observed.inputs);
  const decided = plan(gathered.facts);
  const failed = await carryOut(machine, observed, gathered, decided, deps, signal);
  return { after: failed ?? again(machine, observed, gathered, decided, deps) };
}

/** Records what was planned, then does it. A delay: not all was done, look again after it. */
async function carryOut(
  machine: Machine,
  observed: Observed,
  gathered: Gathered,
  decided: Plan,
  deps: Deps,
  signal: AbortSignal,
): Promise<Duration | null> {
  const { addresses, trouble } = addressesOf(machine, observed, decided, deps);
  const status = statusOf(observed, gathered, decided, addresses);
  noteRelease(machine, gathered, decided, deps);
  await tidy(machine, observed, deps, signal);
  const written = isWorthWriting(machine.status, status, decided)
    ? await deps.writeStatus(machine, status, signal)
    : machine;
  tell(machine, status, deps.event);
  tellIgnored(machine, decided, deps.event);
  if (trouble !== null) return report(written, status, trouble, deps, signal);

  const context: Context = { machine: written, status, decided, observed, gathered };
  try {
    return (await performAll(context, deps, signal)) ? null : CATCH_UP;
  } catch (error) {
    if (!(error instanceof Failure) || error.reason === "NotLeader") throw error;
    const trouble = explained(error);
    noteSilence(machine, trouble, deps);
    return report(context.machine, status, trouble, deps, signal);
  }
}

/** What was seen of a BMC before it failed us is history: else it would be in turn stalled and not. */
function noteSilence({ metadata }: Machine, trouble: Trouble, deps: Deps): void {
  if (!trouble.reason.startsWith("Bmc")) return;
  const look = { seen: { trouble }, credentialsVersion: null };
  deps.memory.saw(metadata.uid, look, deps.clock.now());
}

async function performAll(context: Context, deps: Deps, signal: AbortSignal): Promise<boolean> {
  for (const action of context.decided.actions) {
    if (!(await perform(action, context, deps, signal))) return false;
  }
  return true;
}

function statusOf(
  { inputs, userData, learned, credentialsVersion }: Observed,
  gathered: Gathered,
  decided: Plan,
  addresses: MachineStatus["addresses"],
): MachineStatus {
  const userDataHash = "hash" in userData ? userData.hash : null;
  return outcome(inputs, gathered, decided, {
    addresses,
    learned,
    userDataHash,
    credentialsVersion,
  });
}

interface Allocation {
  readonly addresses: MachineStatus["addresses"];
  readonly trouble: Trouble | null;
}

/** A machine gets its addresses with its first task, and keeps them. */
function addressesOf(
  machine: Machine,
  { inputs }: Observed,
  decided: Plan,
  deps: Deps,
): Allocation {
  const has = machine.status?.addresses ?? inputs.record?.addresses;
  if (inputs.zone === undefined || LIFECYCLE[decided.phase].does === "nothing") {
    return { addresses: has, trouble: null };
  }
  const addresses = allocate(machine, inputs.zone, has ?? [], deps.addresses(machine));
  if (addresses !== null)
    return { addresses: addresses.length > 0 ? addresses : has, trouble: null };
  const message = `No address is left in the subnets of Zone ${inputs.zone.metadata.name}.`;
  return { addresses: has, trouble: { reason: "NoAddressFree", message } };
}

function noteRelease(machine: Machine, { facts }: Gathered, decided: Plan, deps: Deps): void {
  if (decided.phase !== "Releasing" || facts.phase === "Releasing" || !ordered(facts)) return;
  deps.memory.released(machine.spec.zoneRef.name, machine.metadata.uid, deps.clock.now());
}

/**
 * A stranger with nothing to say yet has no status. Power, the task's state and the image ride along with other
 * news; by themselves they are none on the way.
 */
function isWorthWriting(
  before: Machine["status"],
  next: MachineStatus,
  { phase, stalled }: Plan,
): boolean {
  if (phase === "New" && stalled === null && isBlank(before)) return false;
  if (LIFECYCLE[phase].does !== "task") return true;
  const old = withoutRiders(before ?? {});
  const now = withoutRiders(next);
  return !isSame(old, now);
}

const withoutRiders = ({ power: _, task: __, image: ___, ...rest }: MachineStatus): MachineStatus =>
  rest;

/** Forgets what has ended: user data at once, tasks when there are more than enough. */
async function tidy(
  machine: Machine,
  { inputs }: Observed,
  deps: Deps,
  signal: AbortSignal,
): Promise<void> {
  const ended = inOrder(inputs.tasks).filter(hasEnded);
  const last = ended.at(-1);
  if (
    last?.spec.deploy?.seedSecret !== undefined &&
    last.metadata.name !== machine.status?.applied?.task
  ) {
    await deps.dropSeed(last.spec.zone, last.spec.deploy.seedSecret, signal);
  }
  for (const task of ended.slice(0, -KEPT_TASKS)) await deps.deleteTask(task, signal);
}

/** Writes down what went wrong between the plan and the hardware. */
async function report(
  machine: Machine,
  status: MachineStatus,
  trouble: Trouble,
  deps: Deps,
  signal: AbortSignal,
): Promise<Duration | null> {
  const stalled = withTrouble(status, trouble, deps.clock.now());
  await deps.writeStatus(machine, stalled, signal);
  tell(machine, stalled, deps.event);
  return delayAfter(trouble.reason, machine.metadata.uid, deps);
}

/** The delay grows from the reason's first one; `null`: only a change of something helps. */
function delayAfter(reason: FailureReason, uid: string, deps: Deps): Duration | null {
  const first: Duration | null = FAILURES[reason].retryAfter;
  const tries = deps.memory.failed(uid, reason);
  // To look at a Secret costs no BMC anything, and a person waits for it to be seen.
  if (OF_SECRETS.has(reason)) return first;
  return first === null ? REST : backoff(first, LONGEST, tries - 1, deps.random());
}

const OF_SECRETS: ReadonlySet<FailureReason> = new Set<FailureReason>([
  "BmcCredentialsRejected",
  "SecretNotFound",
  "SecretForbidden",
]);

/** When to look again if nothing happens. */
function again(
  machine: Machine,
  observed: Observed,
  { facts, newest }: Gathered,
  { phase, stalled, ending }: Plan,
  deps: Deps,
): Duration {
  const { uid } = machine.metadata;
  if (observed.tooNew) return STRANGER_SETTLE;
  if (phase !== facts.phase) return 0 as Duration;
  if (ending !== null) return soonest(ENDING, uid, deps);
  const rests = newest === undefined ? 0 : restedAt(newest) - deps.clock.now();
  if (LIFECYCLE[phase].does === "task" && rests > 0)
    return soonest((rests + 100) as Duration, uid, deps);
  if (stalled !== null) return soonest(delayAfter(stalled, uid, deps) ?? REST, uid, deps);
  deps.memory.failed(uid, null);
  if (newest !== undefined && !hasEnded(newest)) {
    const left = deadlineOf(newest) - deps.clock.now();
    return Math.max(1_000, Math.min(LIVE, left + 1_000)) as Duration;
  }
  if (LIFECYCLE[phase].does === "task") {
    return Math.min(
      LIVE,
      deps.memory.settlesIn(machine.metadata.uid, deps.clock.now()) + 100,
    ) as Duration;
  }
  return restIn(phase, machine, deps);
}

/** A machine that is free since just now is seen off, too: its agent waits for a task, and ends then. */
function restIn(phase: Phase, { status }: Machine, deps: Deps): Duration {
  const since = Date.parse(status?.phaseSince ?? "");
  const isEnding = phase === "Ready" && status?.power === "On";
  if (isEnding && deps.clock.now() - since < AGENT_GONE) return AGENT_GONE;
  return (restOf(deps.fleet()) * (0.75 + deps.random() / 2)) as Duration;
}

/** After the delay, or once a BMC has caught up with what it was told just now. */
function soonest(delay: Duration, uid: string, deps: Deps): Duration {
  const settles = deps.memory.settlesIn(uid, deps.clock.now());
  return settles > 0 ? (Math.min(delay, settles + 100) as Duration) : delay;
}
