/** How long machines are left alone. */
import type { Machine } from "#api/machine.ts";
import { type Duration, minutes, seconds } from "#base/duration.ts";
import { isTrue } from "#kube/conditions.ts";
import { plan } from "#lifecycle/plan.ts";
import { LIFECYCLE } from "#lifecycle/table.ts";
import type { Deps } from "./deps.ts";
import { gather } from "./gather.ts";
import { observe } from "./observe.ts";

/** A power button that is pressed by hand sends no watch event. */
export const REST = minutes(10);
const LOOKS_PER_SECOND = 3; // of all that rest together: each is two TLS handshakes, a login and a logout

/** Between two looks at a BMC that has nothing to do, in a fleet of so many. */
export const restOf = (machines: number): Duration =>
  Math.max(REST, seconds(machines / LOOKS_PER_SECOND)) as Duration;

/**
 * What rests by all that is written down is not asked by an operator that has just begun to lead: its
 * turn comes, some time within one rest, so that a new leader does not ask a whole fleet at once, and
 * those that wait for something come first. Null: it is to be looked at now.
 */
export async function firstRest(
  machine: Machine,
  deps: Deps,
  signal: AbortSignal,
): Promise<Duration | null> {
  if (!deps.memory.meets(machine.metadata.uid) || !restedBefore(machine)) return null;
  const { facts } = gather((await observe(machine, deps, signal, false)).inputs);
  const { phase, stalled, actions, ending } = plan(facts);
  const moves = actions.length > 0 || ending !== null;
  const rests = phase === facts.phase && stalled === null && !moves;
  return rests ? ((restOf(deps.fleet()) * deps.random()) as Duration) : null;
}

/** A leader before us saw it through, and nobody has asked for anything since. */
function restedBefore({ metadata, status }: Machine): boolean {
  const { phase = "New", observedGeneration, conditions } = status ?? {};
  return (
    isTrue(conditions, "Ready") &&
    observedGeneration === metadata.generation &&
    LIFECYCLE[phase].does !== "task"
  );
}
