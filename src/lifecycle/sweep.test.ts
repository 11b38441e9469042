import { describe, expect, it } from "vitest";
import { machine, TOTAL } from "#test/fakes/machines.ts";
import type { Facts } from "./facts.ts";
import { ATTEMPTS } from "./guards.ts";
import { type Plan, plan } from "./plan.ts";
import { diagram, type Exit, LIFECYCLE, openExit, PHASES, type Phase } from "./table.ts";
import type { Action } from "./tasks.ts";

const STRIDE = 4_999; // a prime, so that it meets every mix of a few axes; 1 tries them all

const touches = ({ kind }: Action): boolean =>
  ["createTask", "bootAgent", "power", "shutdown", "restart"].includes(kind);
/** Begins an erase, or boots a machine into one that was begun before. */
const erases = ({ saw }: Facts, { actions }: Plan): boolean =>
  actions.some(
    (action) =>
      (action.kind === "createTask" && action.intent.type === "Erase") ||
      (action.kind === "bootAgent" && saw.task?.type === "Erase" && saw.task.state === "Pending"),
  );
const ordered = ({ want, saw }: Facts): boolean =>
  saw.order !== null || want.asked.includes("release");
const whole = ({ saw }: Facts): boolean => typeof saw.disk === "object" && saw.disk.image !== null;
const wiped = ({ want, saw }: Facts): boolean => saw.disk === "foreign" && want.adoption === "Wipe";

const isAtWork = (task: Facts["saw"]["task"]): boolean =>
  ["Pending", "Running", "Written"].includes(task?.state ?? "");
const isCut = (action: Action): boolean => action.kind === "power" && action.want === "off";

/** The machine after the plan was carried out, as far as that can be known. */
function after({ want, saw }: Facts, { phase, epoch, answered, freed }: Plan): Facts {
  const asked = want.asked.filter((nonce) => !answered.includes(nonce));
  const holds = freed ? ({ holder: "none", order: null } as const) : {};
  return { phase, epoch, want: { ...want, asked }, saw: { ...saw, task: null, ...holds } };
}

/** Does a machine change its phase for ever while nothing else changes? */
function circles(start: Facts, first: Plan): boolean {
  let [facts, next] = [start, first];
  for (const _ of PHASES) {
    if (next.phase === facts.phase) return false;
    facts = after(facts, next);
    next = plan(facts);
  }
  return true;
}

/** As each holds for one step from any facts, it holds for every sequence of steps. */
const NEVER: Readonly<Record<string, (facts: Facts, planned: Plan) => boolean>> = {
  "is a machine Ready before its disks are erased": (facts, { phase }) =>
    phase === "Ready" && facts.phase !== "Ready" && facts.saw.disk !== "erased",
  "is a machine Ready while something may still write to it": ({ phase, saw }, planned) =>
    planned.phase === "Ready" && phase !== "Ready" && isAtWork(saw.task),
  "is anything erased while it is held, without an order": (facts, planned) =>
    erases(facts, planned) && facts.saw.holder !== "none" && !ordered(facts) && !wiped(facts),
  "is a whole image erased without an order, held or not": (facts, planned) =>
    erases(facts, planned) && whole(facts) && !ordered(facts),
  "is anything erased that was there before, unless a person allowed it": (facts, planned) =>
    erases(facts, planned) && facts.saw.disk === "foreign" && !ordered(facts) && !wiped(facts),
  "is anything written over what was there before, unless a person allowed it": (
    { want, saw },
    { actions },
  ) =>
    saw.disk === "foreign" &&
    want.adoption !== "Wipe" &&
    actions.some((action) => action.kind === "createTask" && action.intent.type === "Deploy"),
  "is anything erased that is protected": (facts, planned) =>
    erases(facts, planned) && facts.want.protected,
  "does a release begin while the brake is on": (facts, { phase }) =>
    facts.saw.brake &&
    facts.saw.holder !== "none" &&
    phase === "Releasing" &&
    facts.phase !== "Releasing",
  "is a machine touched whose claim is lost": (facts, { actions }) =>
    facts.saw.holder === "unknown" && !ordered(facts) && actions.some(touches),
  "is a machine touched that is paused, or not the one that we knew": (
    { want, saw },
    { actions },
  ) =>
    (want.paused || saw.identity === "changed" || saw.duplicate !== null) &&
    actions.some(({ kind }) => kind !== "releaseFinalizer"),
  "is a stranger touched that is on, unless its data may go": ({ phase, want, saw }, { actions }) =>
    phase === "New" &&
    !saw.known &&
    saw.disk === "unknown" &&
    saw.running !== "nothing" &&
    want.adoption !== "Wipe" &&
    !want.asked.includes("release") &&
    saw.order === null &&
    actions.some(touches),
  "is a machine touched while nobody knows what it runs": ({ saw }, { actions }) =>
    saw.running === "unknown" && actions.some(touches),
  "is a deleted machine touched under the policy Orphan": ({ want }, { actions }) =>
    want.deleted && want.deletionPolicy === "Orphan" && actions.some(touches),
  "is a machine booted without a record of it": ({ saw }, { actions }) =>
    actions[0]?.kind === "bootAgent" && saw.task?.state !== "Pending",
  "does an attempt begin where an earlier one may still run": ({ saw }, { actions }) =>
    actions.some(({ kind }) => kind === "createTask") &&
    !(
      saw.running === "nothing" ||
      (saw.running === "agent" && [undefined, "Succeeded"].includes(saw.task?.state))
    ),
  "is a task tried more often than allowed": (_, { actions }) =>
    actions.some((action) => action.kind === "createTask" && action.intent.attempt > ATTEMPTS),
  "does a task's phase wait for nothing, and say nothing": ({ phase, want, saw }, planned) =>
    planned.phase === phase &&
    LIFECYCLE[planned.phase].does === "task" &&
    !want.paused &&
    planned.stalled === null &&
    planned.actions.length === 0 &&
    planned.ending === null &&
    saw.running !== "unknown" &&
    !isAtWork(saw.task) &&
    planned.phase !== "Rescue",
  "is somebody's system cut off that was not asked to end, and given time": (facts, planned) =>
    planned.actions.some((action) => action.kind === "restart" || isCut(action)) &&
    facts.saw.running === "os" &&
    whole(facts) &&
    ["claim", "static"].includes(facts.saw.holder) &&
    !ordered(facts) &&
    facts.saw.ending?.late !== true &&
    facts.saw.task?.epoch !== planned.epoch,
  "is a system asked to end that was asked before": ({ saw }, { actions }) =>
    saw.ending !== null && actions.some(({ kind }) => kind === "shutdown"),
  "is a person told to retry what was retried": ({ phase, want, saw }, planned) =>
    phase === "Broken" &&
    planned.phase === "Broken" &&
    want.asked.includes("retry") &&
    !isAtWork(saw.task) && // it is ended first
    !planned.freed &&
    planned.stalled === "GivenUp",
  "does a machine that was given up keep a claim that is to go, and nothing of it on the disks": (
    { phase, want, saw },
    { freed, stalled, phase: next },
  ) =>
    phase === "Broken" &&
    next === "Broken" &&
    !want.paused &&
    stalled === "GivenUp" &&
    saw.order !== null &&
    saw.disk === "erased" &&
    !isAtWork(saw.task) &&
    !freed,
  "does the epoch go back": (facts, { epoch }) => epoch < facts.epoch,
  "does a machine change its phase for ever": circles,
};

const named = (phase: Phase, { to, when, on }: Exit): string =>
  `${phase} to ${to} by ${when} ${on ?? ""}`;

interface Sweep {
  /** The first counterexample of each rule. */
  readonly found: ReadonlyMap<string, Facts>;
  /** The exits that some machine took, by phase. */
  readonly taken: ReadonlySet<string>;
}

/** One pass over the machines. */
function sweep(): Sweep {
  const found = new Map<string, Facts>();
  const taken = new Set<string>();
  for (let number = 0; number < TOTAL; number += STRIDE) {
    const facts = machine(number);
    const planned = plan(facts);
    const exit = openExit(facts);
    if (exit !== undefined && planned.phase === exit.to) taken.add(named(facts.phase, exit));
    for (const [rule, broken] of Object.entries(NEVER)) {
      if (!found.has(rule) && broken(facts, planned)) found.set(rule, facts);
    }
  }
  return { found, taken };
}

const { found, taken } = sweep();

describe("whatever the facts", () => {
  it.each(Object.keys(NEVER))("never %s", (rule) => {
    expect(found.get(rule)).toBeUndefined();
  });
});

describe("the lifecycle table", () => {
  it.each(PHASES)("has no exit from %s that those before it shut for every machine", (phase) => {
    const exits = LIFECYCLE[phase].exits.map((exit) => named(phase, exit));
    expect(exits.filter((exit) => !taken.has(exit))).toEqual([]);
  });

  it.each(PHASES)("leads from %s to Deleting", (start) => {
    const reached = new Set<Phase>([start]);
    for (const phase of reached) for (const exit of LIFECYCLE[phase].exits) reached.add(exit.to);
    expect(reached).toContain("Deleting");
  });

  it("lets a machine rest only where it may, and gives every other phase a deadline", () => {
    const resting = PHASES.filter((phase) => LIFECYCLE[phase].deadline === null);
    expect(resting).toEqual(["New", "Ready", "Deployed", "Rescue", "Broken", "Retired"]);
  });

  it("lets a machine leave Broken by a retry or a deletion alone", () => {
    const others = LIFECYCLE.Broken.exits.filter(
      ({ on, to }) => on !== "retry" && to !== "Deleting",
    );
    expect(others).toEqual([]);
  });

  it("draws itself", () => {
    expect(diagram()).toContain("\n  Deployed --> Releasing: released\n");
  });
});
