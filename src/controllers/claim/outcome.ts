import type { Machine } from "#api/machine.ts";
import { type MachineClaim, type MachineClaimStatus, providerID } from "#api/machine-claim.ts";
import { FAILURES, type FailureReason } from "#base/failure.ts";
import { keyOf } from "#base/object.ts";
import { type ConditionWish, type Standing, setConditions, standing } from "#kube/conditions.ts";
import { isLookedAtAnew, untouchedBy } from "./again.ts";
import { standingOf, tainted, upToDate } from "./bound.ts";
import type { Seen } from "./observe.ts";
import { mainOf } from "./plan.ts";

/** The status that says what was seen; `null`: there is nothing to say yet. Pure. */
export function outcome(seen: Seen): MachineClaimStatus | null {
  const { claim, now } = seen;
  const machine = mainOf(seen);
  const how = machine === undefined ? unbound(seen) : bound(claim, machine);
  if (how === null) return null;
  return {
    observedGeneration: claim.metadata.generation ?? 0,
    ...(machine === undefined ? lastKnown(claim) : tenure(claim, machine)),
    conditions: [...setConditions(claim.status?.conditions, how, now)],
  };
}

type Tenure = Pick<
  MachineClaimStatus,
  "machineRef" | "providerID" | "addresses" | "image" | "untouched"
>;

function tenure({ metadata, status }: MachineClaim, machine: Machine): Tenure {
  const { namespace = "", name, uid } = machine.metadata;
  const machineRef = { namespace, name, uid, zone: machine.spec.zoneRef.name };
  const { addresses, image } = machine.status ?? {};
  const untouched = untouchedBy(machine);
  // Made anew under its name: the reference is cleared with one write and set with the next (CEL).
  const moved = status?.machineRef !== undefined && status.machineRef.uid !== uid;
  return {
    ...(!moved && { machineRef }),
    ...(!moved && untouched !== undefined && { untouched }),
    providerID: providerID(metadata.uid),
    ...(addresses !== undefined && { addresses }),
    ...(image !== undefined && { image }),
  };
}

/** Which Machine it was stays written down: a claim never takes another one. */
function lastKnown({ status }: MachineClaim): Tenure {
  const { machineRef, untouched } = status ?? {};
  if (machineRef === undefined) return {};
  return { machineRef, ...(untouched !== undefined && { untouched }) };
}

function bound(claim: MachineClaim, machine: Machine): readonly ConditionWish[] {
  const where = `Machine ${keyOf(machine.metadata)} in zone ${machine.spec.zoneRef.name}.`;
  const { deletionTimestamp } = claim.metadata;
  const stands = standingOf(claim, machine);
  const how = deletionTimestamp === undefined ? stands : releasing(stands);
  return [
    ...standing(how),
    { type: "Bound", status: "True", reason: "Bound", message: where },
    upToDate(claim, machine),
    tainted(claim, machine),
  ];
}

/** The finalizer waits for the machine: what holds that up holds the claim up. */
const releasing = (stands: Standing): Standing =>
  stands.stalled === true
    ? stands
    : {
        reconciling: true,
        reason: "Releasing",
        message: `It was deleted: its machine is erased first. ${stands.message}`,
      };

function unbound(seen: Seen): readonly ConditionWish[] | null {
  const { claim, waiting, image, adoption } = seen;
  const { machineRef } = claim.status ?? {};
  const { deploy } = claim.spec;
  if (claim.metadata.deletionTimestamp !== undefined) return null;
  if (adoption.of === "lost") {
    return stuck("AdoptionForbidden", `The lost claim was in namespace ${adoption.namespace}.`);
  }
  if (machineRef !== undefined && isLookedAtAnew(claim, seen.last)) {
    const message = `Machine ${keyOf(machineRef)} lost its status and is looked at anew: it is bound again if nothing was written to it.`;
    return [
      ...standing({ reconciling: true, reason: "MachineLost", message }),
      notBound("MachineLost", message),
    ];
  }
  if (machineRef !== undefined) {
    return stuck("MachineLost", `Machine ${keyOf(machineRef)} ${whereabouts(seen)}.`);
  }
  if (deploy !== undefined && image === undefined) {
    return stuck("ImageNotFound", `There is no OSImage "${deploy.imageRef.name}".`);
  }
  if (waiting === undefined) return null;
  const { message, isHopeless } = waiting;
  const how = { reason: "NotPlaced", message, reconciling: !isHopeless, stalled: isHopeless };
  return [...standing(how), notBound("NotPlaced", message)];
}

function whereabouts({ last, claim }: Seen): string {
  if (last === undefined) return "is gone";
  if (last.metadata.uid !== claim.status?.machineRef?.uid) return "was made anew, and is not held";
  return "is not held by this claim any more";
}

function stuck(reason: FailureReason, what: string): readonly ConditionWish[] {
  const message = `${what} ${FAILURES[reason].help}`;
  return [...standing({ stalled: true, reason, message }), notBound(reason, message)];
}

const notBound = (reason: string, message: string): ConditionWish => ({
  ...{ type: "Bound", status: "False", reason, message: message.slice(0, 1_024) },
});
