import type { Machine } from "#api/machine.ts";
import { isUntouched, mayBindAgain } from "./again.ts";
import type { Seen } from "./observe.ts";

/** The next thing to do to the world for a claim, before its status can be written. */
export type Step =
  /** The intent, before a Machine is bound: whoever deletes the claim from here on orders a release. */
  | { readonly kind: "addFinalizer" }
  | { readonly kind: "bind"; readonly machine: Machine }
  /** It takes the place of a lost claim. */
  | { readonly kind: "adopt"; readonly machine: Machine }
  /** A Machine that was bound besides the one that the claim holds. */
  | { readonly kind: "unbind"; readonly machine: Machine }
  /** No Machine carries its UID any more. */
  | { readonly kind: "letGo" };

/** Decides the next step; `null`: nothing is to be done but to say how it stands. Pure. */
export function nextStep(seen: Seen): Step | null {
  const { claim, held, isHolding } = seen;
  if (claim.metadata.deletionTimestamp !== undefined) return leaving(seen);
  const stray = strayOf(seen);
  if (stray !== undefined) return { kind: "unbind", machine: stray };
  if (held.length > 0) return isHolding ? null : { kind: "addFinalizer" };
  const machine = toBind(seen);
  if (machine === null) return null;
  return isHolding ? machine : { kind: "addFinalizer" };
}

function leaving(seen: Seen): Step | null {
  const { held, isHolding } = seen;
  const stray = strayOf(seen);
  if (stray !== undefined) return { kind: "unbind", machine: stray };
  return held.length === 0 && isHolding ? { kind: "letGo" } : null;
}

function toBind({ claim, last, promised, adoption }: Seen): Step | null {
  if (adoption.of === "lost") {
    // Who made the lost claim could read what is on it; others could not.
    const mine = adoption.namespace === claim.metadata.namespace;
    return mine ? { kind: "adopt", machine: adoption.machine } : null;
  }
  if (claim.status?.machineRef !== undefined) {
    if (adoption.of === "free" && isUntouched(adoption.machine)) {
      return { kind: "bind", machine: adoption.machine };
    }
    return last !== undefined && mayBindAgain(claim, last) ? { kind: "bind", machine: last } : null;
  }
  return promised === undefined ? null : { kind: "bind", machine: promised };
}

/** The Machine of a claim: what its status says, else the first by what is on it. */
export function mainOf({ claim, held }: Pick<Seen, "claim" | "held">): Machine | undefined {
  const { machineRef } = claim.status ?? {};
  const named = held.find(
    ({ metadata }) =>
      metadata.name === machineRef?.name && metadata.namespace === machineRef.namespace,
  );
  if (named !== undefined) return named;
  return held.toSorted(
    (a, b) =>
      Number(isUntouched(a)) - Number(isUntouched(b)) || (a.metadata.uid < b.metadata.uid ? -1 : 1),
  )[0];
}

/** A second Machine, bound by a leader that was no longer one. With data on it, a person must look. */
function strayOf(seen: Seen): Machine | undefined {
  const main = mainOf(seen);
  return seen.held.find((machine) => machine !== main && isUntouched(machine));
}
