import type { Machine } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import { FAILURES, type FailureReason } from "#base/failure.ts";
import { keyOf } from "#base/object.ts";
import {
  type Condition,
  type ConditionWish,
  findCondition,
  isTrue,
  type Standing,
} from "#kube/conditions.ts";
import type { Phase } from "#lifecycle/table.ts";
import { intolerable } from "#placement/selector.ts";

/** How a claim stands that holds that machine. */
export function standingOf(claim: MachineClaim, machine: Machine): Standing {
  const name = `Machine ${keyOf(machine.metadata)}`;
  const conditions = machine.status?.conditions;
  const stalled = findCondition(conditions, "Stalled");
  const wasReady = isTrue(claim.status?.conditions, "Ready");
  if (stalled?.status === "True") {
    const { reason } = stalled;
    const message = `${name} is held up: ${causeOf(claim, stalled)}`;
    // A BMC that does not answer says nothing about the system that runs.
    if (wasReady && reason.startsWith("Bmc")) return { ready: true, reason, message };
    return { stalled: true, reason, message };
  }
  const ready = findCondition(conditions, "Ready");
  if (ready?.status === "True" && OUT_OF_USE.has(ready.reason)) {
    const message = `${name} was taken out of use by who runs it: ${ready.message}`;
    return { reconciling: true, reason: ready.reason, message };
  }
  if (ready?.status === "True" && isServed(claim, machine)) {
    return { ready: true, reason: "Bound", message: `${name}${whatRuns(machine)}.` };
  }
  const reason = ready?.status === "True" ? "Bound" : (ready?.reason ?? "Bound");
  return { reconciling: true, reason, message: `${name}: ${reason}.` };
}

/** Where a machine is as somebody wanted it, and yet of no use to who holds it. */
const OUT_OF_USE: ReadonlySet<string> = new Set<Phase>(["Rescue", "Broken", "Retired"]);

/** Its system is on the disk; or it asked for none. */
const isServed = ({ spec }: MachineClaim, { status }: Machine): boolean =>
  spec.deploy === undefined || status?.image !== undefined;

const whatRuns = ({ status }: Machine): string => {
  const at = status?.addresses?.[0];
  return status?.image === undefined
    ? " is held"
    : ` runs ${status.image}${at === undefined ? "" : ` at ${at.ip}`}`;
};

/** What holds the machine up, in words that its tenant may read, and can act upon. */
function causeOf({ metadata }: MachineClaim, { reason, message }: Condition): string {
  if (OF_THE_DEPLOY.has(reason)) return message;
  if (!OF_SECRETS.has(reason)) return helpOf(reason);
  // The BMC's Secret may be the one that is missing: its name is for who runs the machine.
  const isTenants = message.includes(`in namespace "${metadata.namespace}"`);
  return isTenants ? message : "the Secret of its BMC is missing or incomplete.";
}

/** Their messages name what the claim's deploy names; at most, besides, how the machine boots. */
const OF_THE_DEPLOY: ReadonlySet<string> = new Set<FailureReason>([
  "ImageNotFound",
  "ImageUnsuitable",
  "DeployUnsupported",
  "KernelArgsUnsupported",
]);
const OF_SECRETS: ReadonlySet<string> = new Set<FailureReason>([
  "SecretNotFound",
  "SecretForbidden",
]);

const helpOf = (reason: string): string =>
  Object.entries(FAILURES).find(([name]) => name === reason)?.[1].help ?? `${reason}.`;

/** Whether what runs is what the claim asks for now. */
export function upToDate(claim: MachineClaim, machine: Machine): ConditionWish {
  const wish = (status: ConditionWish["status"], reason: string, message: string) => ({
    ...{ type: "UpToDate", status, reason, message },
  });
  const { deploy, updateStrategy } = claim.spec;
  if (deploy === undefined) return wish("True", "NoImage", "It asks for no system.");
  const { name } = deploy.imageRef;
  const runs = machine.status?.image;
  const settled =
    isTrue(machine.status?.conditions, "Ready") || isTrue(claim.status?.conditions, "UpToDate");
  if (runs === name && settled) return wish("True", "UpToDate", "");
  if (runs === undefined || runs === name) {
    return wish("False", "Deploying", `${name} is being deployed.`);
  }
  return updateStrategy === "Reinstall"
    ? wish("False", "Reinstalling", `${runs} runs; ${name} is written in its place.`)
    : wish(
        "False",
        "ImageDiffers",
        `${runs} runs, ${name} is asked for: make a new claim, or set updateStrategy: Reinstall, which erases.`,
      );
}

/** Whether the machine wants to be left: it has a taint NoExecute that the claim does not bear. */
export function tainted(claim: MachineClaim, machine: Machine): ConditionWish {
  const taint = intolerable(machine.spec.taints ?? [], claim.spec.tolerations, "NoExecute");
  if (taint === undefined) {
    return { type: "Tainted", status: "False", reason: "Tolerated", message: "" };
  }
  const value = taint.value === undefined ? "" : `=${taint.value}`;
  return {
    type: "Tainted",
    status: "True",
    reason: "NoExecute",
    message: `Machine ${keyOf(machine.metadata)} has the taint ${taint.key}${value}: move the work elsewhere, then delete the claim.`,
  };
}
