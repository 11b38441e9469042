import { type Duration, minutes } from "#base/duration.ts";
import type { Ending, Facts } from "./facts.ts";
import { isOccupied } from "./guards.ts";
import type { Phase } from "./table.ts";

/** How long an operating system has to end by itself before its power is cut. */
export const GRACE: Duration = minutes(5);

/** Something to do to a machine's power. */
export type PowerAction =
  | { readonly kind: "power"; readonly want: "on" | "off" }
  /** Asks the system to end, by force only where that cannot be asked. Recorded first: see {@link Step}. */
  | { readonly kind: "shutdown" }
  /** Of a machine that runs nobody's system. The answer to the nonce is recorded first. */
  | { readonly kind: "restart" };

/** What to do now, and the graceful end that is under way from here on; it is recorded before. */
export interface Step<Act = PowerAction> {
  readonly actions: readonly Act[];
  readonly ending: Ending | null;
}

export const REST: Step<never> = { actions: [], ending: null };

/** We cannot see whether it runs, or whether it is the machine that we mean. */
export const blind = ({ saw }: Facts): boolean =>
  saw.running === "unknown" || saw.identity === "unread";

/** Sees to the power that is declared, and to a reboot that is asked for or under way. */
export function stepPower(facts: Facts): Step {
  const { want, saw } = facts;
  if (blind(facts)) return { actions: [], ending: saw.ending };
  const isOn = saw.running !== "nothing";
  if (want.power === "off") return isOn ? stop(facts, "off") : REST;
  if (saw.ending?.for === "reboot") return goOn(facts, saw.ending);
  if (want.power === "on" && !isOn) return start(null);
  if (!isOn || !want.asked.includes("reboot")) return REST;
  return isSomebodys(facts)
    ? stop(facts, "reboot")
    : { actions: [{ kind: "restart" }], ending: null };
}

/**
 * Brings a machine to off. Somebody's system is asked to end, once, and has until the deadline; then,
 * or where nobody is asked, the power is cut.
 */
export function stop(facts: Facts, purpose: Ending["for"]): Step {
  const { ending } = facts.saw;
  const now = { for: purpose, stopped: false, late: ending?.late ?? false };
  if (!isSomebodys(facts) || now.late) {
    return { actions: [{ kind: "power", want: "off" }], ending: ending && now };
  }
  return ending === null
    ? { actions: [{ kind: "shutdown" }], ending: now }
    : { actions: [], ending: now };
}

/** A reboot: down, which is read back, and up again, which is read back too. */
function goOn(facts: Facts, ending: Ending): Step {
  const isOn = facts.saw.running !== "nothing";
  if (!isOn) return start({ ...ending, stopped: true });
  return ending.stopped ? REST : stop(facts, "reboot");
}

const start = (ending: Ending | null): Step => ({
  actions: [{ kind: "power", want: "on" }],
  ending,
});

/** Our agent can be cut off at any time, and so can a system that nobody holds. */
const isSomebodys = (facts: Facts): boolean => facts.saw.running === "os" && isOccupied(facts);

/** Phases in which a task may have taken the place of the holder's system. */
const AWAY: ReadonlySet<Phase> = new Set<Phase>(["Testing", "Releasing", "Rescue"]);

/** Back in its holder's hands, a machine starts what it ran before, unless it still does. */
export function comesBack(phase: Phase, facts: Facts): Facts {
  const { saw } = facts;
  if (phase !== "Deployed" || !AWAY.has(facts.phase)) return facts;
  const left = saw.running === "nothing" || saw.ending !== null || saw.task?.epoch === facts.epoch;
  if (!left) return facts;
  const ending: Ending = { for: "reboot", stopped: false, late: saw.ending?.late ?? false };
  return { ...facts, saw: { ...saw, ending } };
}
