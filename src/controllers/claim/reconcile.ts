import type { MachineClaim } from "#api/machine-claim.ts";
import { readRecord } from "#api/record.ts";
import { type Duration, minutes, seconds } from "#base/duration.ts";
import { remembered } from "#controllers/machine/evidence.ts";
import { isConflict, isInvalid, isNotFound } from "#kube/client.ts";
import type { Requeue } from "#kube/controller.ts";
import type { Deps } from "./deps.ts";
import { observe, type Seen } from "./observe.ts";
import { outcome } from "./outcome.ts";
import { nextStep, type Step } from "./plan.ts";
import { tell } from "./story.ts";

const MOST_STEPS = 4;
const CATCH_UP = seconds(1); // our view was old: let the cache see what is there
const ADOPTION = minutes(1); // the lost claim may come back, and no event of ours would say so

/**
 * Brings one claim a step nearer to its machine: observe, plan, act, and say how it stands.
 *
 * The order is what makes it safe to die anywhere: the finalizer first, then the Machine's claimRef,
 * which is the lock, then the claim's status, from the claimRef and never from memory.
 */
export async function reconcileClaim(
  key: string,
  deps: Deps,
  signal: AbortSignal,
): Promise<Requeue> {
  let claim = deps.get(key);
  for (let steps = 0; steps < MOST_STEPS; steps++) {
    if (claim === undefined) return { after: null };
    const seen = await observe(claim, deps, signal);
    const step = nextStep(seen);
    if (step === null) return say(seen, deps, signal);
    const next = await act(step, claim, deps, signal);
    if (next === "wait") return { after: CATCH_UP };
    claim = next;
  }
  return { after: CATCH_UP };
}

async function say(seen: Seen, deps: Deps, signal: AbortSignal): Promise<Requeue> {
  const { claim, held } = seen;
  const status = outcome(seen);
  if (status === null) return { after: null };
  await deps.writeStatus(claim, status, signal);
  tell(claim, status, deps.event);
  const cleared = status.machineRef === undefined && claim.status?.machineRef !== undefined;
  if (cleared) return { after: 0 as Duration };
  return { after: claim.spec.adoptBound && held.length === 0 ? ADOPTION : null };
}

/** Does it; resolves to the claim as it is then, `undefined` if it is gone. */
async function act(
  step: Step,
  claim: MachineClaim,
  deps: Deps,
  signal: AbortSignal,
): Promise<MachineClaim | undefined | "wait"> {
  switch (step.kind) {
    case "addFinalizer":
      return deps.addFinalizer(claim, signal);
    case "bind":
      return (await bind(step, claim, deps, signal)) ? claim : "wait";
    case "adopt":
      return (await bind(step, claim, deps, signal)) ? claim : "wait";
    case "unbind":
      await deps.unbind(step.machine, signal);
      return claim;
    case "letGo": {
      // The cache may lag behind a leader before us: a Machine that it bound must not lose its claim.
      const held = await deps.liveHeldBy(claim.metadata.uid, signal);
      if (held.length > 0) return "wait";
      await deps.removeFinalizer(claim, signal);
      return undefined;
    }
  }
}

async function bind(
  { kind, machine }: Extract<Step, { kind: "bind" | "adopt" }>,
  claim: MachineClaim,
  deps: Deps,
  signal: AbortSignal,
): Promise<boolean> {
  const { uid } = claim.metadata;
  const { epoch = 0 } = remembered(machine, readRecord(machine));
  try {
    await deps.bind(machine, claim, kind === "adopt" ? epoch + 1 : null, signal);
    deps.scheduler.kept(uid);
    return true;
  } catch (error) {
    if (!isConflict(error) && !isInvalid(error) && !isNotFound(error)) throw error;
    deps.scheduler.takeBack(uid); // somebody changed it meanwhile: another one, then
    return false;
  }
}
