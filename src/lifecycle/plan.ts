import type { FailureReason } from "#base/failure.ts";
import type { Ending, Facts, Nonce } from "./facts.ts";
import { doubt, GUARDS, isLive, mayErase, mayWrite, ordered } from "./guards.ts";
import { blind, comesBack, REST, type Step, stepPower } from "./power.ts";
import { type Exit, LIFECYCLE, openExit, type Phase } from "./table.ts";
import { type Action, stepTask } from "./tasks.ts";

export interface Plan {
  readonly phase: Phase;
  readonly epoch: number;
  /** The reason of the Stalled condition; `null`: it is False. */
  readonly stalled: FailureReason | null;
  /** Nonces to write to `status.applied.nonces`: done, or asked where they mean nothing. */
  readonly answered: readonly Nonce[];
  /** Those of them of which nothing came: people are told. */
  readonly ignored: readonly Nonce[];
  /** The release was carried out: claimRef and applied are cleared with the same patch. */
  readonly freed: boolean;
  /** `nonces.acceptHardware`: what the BMC reports now is the machine's identity from here on. */
  readonly accepted: boolean;
  /** The graceful end that is under way, written down before it is asked for. */
  readonly ending: Ending | null;
  readonly actions: readonly Action[];
}

/** Decides what to do about one machine. Pure and total: the same facts give the same plan. */
export function plan(facts: Facts): Plan {
  const why = facts.want.paused ? null : doubt(facts);
  if (facts.want.paused || why !== null) return handsOff(facts, why);

  const exit = openExit(facts);
  const phase = exit?.to ?? facts.phase;
  const epoch = facts.epoch + (exit !== undefined && LIFECYCLE[phase].task !== null ? 1 : 0);
  const freed = isFreed(phase, facts);
  const next = step(phase, epoch, comesBack(phase, facts));
  const answers = answered(phase, exit, freed, facts);
  return {
    phase,
    epoch,
    stalled: stalled(phase, epoch, facts),
    answered: answers,
    ignored: answers.filter((nonce) => !isHeard(nonce, exit, next, facts)),
    freed,
    accepted: facts.want.asked.includes("acceptHardware"),
    ending: next.ending,
    actions: freed ? [{ kind: "writeRecord" }, ...next.actions] : next.actions,
  };
}

/** What broke keeps nobody's claim from going, where nothing is on it that had to be erased. */
const isFreed = (phase: Phase, facts: Facts): boolean =>
  ordered(facts) && (phase === "Ready" || (phase === "Broken" && GUARDS.erased(facts)));

/** Nothing is decided, asked or done; only an object that is deleted may go without touching. */
function handsOff({ phase, epoch, want, saw }: Facts, why: FailureReason | null): Plan {
  const goes = want.deleted && (want.paused || want.deletionPolicy === "Orphan");
  const none = { answered: [], ignored: [], freed: false, accepted: false };
  const rest = { ...none, epoch, stalled: why, ending: saw.ending };
  if (!goes) return { ...rest, phase, actions: [] };
  return { ...rest, phase: "Deleting", actions: [{ kind: "releaseFinalizer" }] };
}

function step(phase: Phase, epoch: number, facts: Facts): Step<Action> {
  if (phase === "Deleting") return { actions: [{ kind: "releaseFinalizer" }], ending: null };
  const { does } = LIFECYCLE[phase];
  if (does === "task" || isLive(facts.saw.task)) return stepTask(phase, epoch, facts);
  return does === "nothing" ? REST : stepPower(facts);
}

/** Did the person who asked get what was asked for? */
function isHeard(
  nonce: Nonce,
  exit: Exit | undefined,
  { actions, ending }: Step<Action>,
  facts: Facts,
): boolean {
  if (nonce === "acceptHardware") return true;
  if (nonce === "release") return ordered(facts) || facts.saw.disk === "erased";
  if (nonce !== "reboot") return nonce === exit?.on;
  return ending?.for === "reboot" || actions.some(({ kind }) => kind === "restart");
}

/** A nonce waits for an exit that answers it; where the phase has none it must not wait for one. */
function answered(
  phase: Phase,
  exit: Exit | undefined,
  freed: boolean,
  facts: Facts,
): readonly Nonce[] {
  const awaited = LIFECYCLE[phase].exits.map(({ on }) => on);
  return facts.want.asked.filter((nonce) => {
    if (nonce === exit?.on) return true;
    switch (nonce) {
      case "acceptHardware":
        return isAccepted(phase, facts);
      case "reboot":
        return LIFECYCLE[phase].does !== "power" || !blind(facts);
      case "release":
        return freed || !ordered(facts);
      case "deploy":
        return !mayWrite(facts) || !awaited.includes(nonce);
      default:
        return !awaited.includes(nonce);
    }
  });
}

/** There was something to accept, and a next attempt need not ask for it again. */
const isAccepted = (phase: Phase, { saw }: Facts): boolean =>
  saw.identity !== "unread" && (saw.task?.conflict !== true || LIFECYCLE[phase].task === null);

function stalled(phase: Phase, epoch: number, facts: Facts): FailureReason | null {
  if (phase === "Broken") return givenUp(facts);
  if (phase === "Deleting") return null;
  const idle = LIFECYCLE[phase].does === "nothing" && phase !== "New";
  return (
    heldBack(phase, facts) ??
    (idle ? null : facts.want.trouble) ??
    dataInTheWay(phase, facts) ??
    dataFound(phase, epoch, facts) ??
    taskTrouble(phase, epoch, facts) ??
    (facts.saw.overdue && phase === facts.phase ? "PhaseOverdue" : null) ??
    (idle ? null : facts.saw.bmc)
  );
}

/** What else than a retry is to be asked for, where that was asked for and changed nothing. */
function givenUp(facts: Facts): FailureReason | null {
  if (facts.want.mode === "Broken") return null;
  const waits = facts.want.asked.includes("retry") ? waitsFor(facts) : null;
  return waits ?? (facts.saw.task?.incomplete === true ? "EraseIncomplete" : "GivenUp");
}

function waitsFor(facts: Facts): FailureReason | null {
  const { disk, holder } = facts.saw;
  if (facts.want.mode === "Retired" && holder !== "none" && !ordered(facts)) return "StillHeld";
  const unclear = disk === "unknown" || disk === "foreign";
  return heldBack("Broken", facts) ?? (unclear && !ordered(facts) ? "AdoptionRequired" : null);
}

/** A release or an erase that was ordered, and what keeps it waiting. */
function heldBack(phase: Phase, facts: Facts): FailureReason | null {
  const { want, saw } = facts;
  const decommission = want.deleted && want.deletionPolicy === "Decommission";
  if (retiresUnderHolder(phase, facts)) return "StillHeld";
  if (phase === "Ready" || !(decommission || ordered(facts))) return null;
  if (want.protected) return "Protected";
  if (phase === "Releasing") return null;
  if (saw.brake) return "ReleaseBrake";
  return saw.holder !== "none" && !ordered(facts) ? "StillHeld" : null;
}

const retiresUnderHolder = (phase: Phase, facts: Facts): boolean =>
  facts.want.mode === "Retired" &&
  LIFECYCLE[phase].does === "power" &&
  facts.saw.holder !== "none" &&
  !ordered(facts);

/** An image is to be written over something that was there before us. */
const dataInTheWay = (phase: Phase, facts: Facts): FailureReason | null =>
  phase === "Deploying" && !mayWrite(facts) ? "AdoptionRequired" : null;

/** Would we go on, if only we knew what is on the disks, or that it may be erased? */
function dataFound(phase: Phase, epoch: number, facts: Facts): FailureReason | null {
  const { want, saw } = facts;
  const done = saw.task?.epoch === epoch && saw.task.state === "Succeeded";
  if (phase === "Releasing" && saw.disk !== "erased" && mayErase(facts)) {
    return done ? "EraseIncomplete" : null;
  }
  const found =
    (phase === "New" && saw.running !== "unknown") ||
    ((phase === "Commissioning" || phase === "Testing") && done) ||
    (phase === "Releasing" && saw.disk !== "erased") ||
    (want.deleted && saw.disk === "unknown");
  return found ? "AdoptionRequired" : null;
}

function taskTrouble(phase: Phase, epoch: number, facts: Facts): FailureReason | null {
  const { task } = facts.saw;
  if (LIFECYCLE[phase].task === null || task === null) return null;
  if (isLive(task) || task.state === "Succeeded") return null;
  if (blind(facts)) return facts.saw.bmc === null ? "CannotFence" : null; // else that is the reason
  if (task.epoch !== epoch || task.state === "Canceled") return null;
  if (task.incomplete === true) return "EraseIncomplete";
  return task.state === "Failed" ? "TaskFailed" : "TaskTimedOut";
}
