/** How a pool stands, from its claims. */
import { POOL_LABEL } from "#api/group.ts";
import type { MachinePool, MachinePoolStatus } from "#api/machine-pool.ts";
import { findCondition, type Standing, setConditions, standing } from "#kube/conditions.ts";
import type { ClaimFacts, PoolFacts } from "./facts.ts";
import type { Plan } from "./plan.ts";

/** What holds a pool up besides its claims. */
export interface Trouble {
  readonly reason: "ClaimRefused" | "OwnerGone";
  readonly message: string;
}

export interface Seen {
  readonly facts: PoolFacts;
  readonly plan: Plan;
  /** Machines that a claim could take now; undefined: not known. */
  readonly free: number | undefined;
  readonly trouble: Trouble | null;
  /** By the status before. */
  readonly wasRolling: boolean;
}

/** Whether a rollout was under way. */
export const isRolling = (status: MachinePoolStatus | undefined): boolean =>
  ROLLING.has(findCondition(status?.conditions, "Ready")?.reason ?? "");

const ROLLING: ReadonlySet<string> = new Set(["RollingOut", "RolloutHalted"]);

export function poolStatus(pool: MachinePool, seen: Seen, now: number): MachinePoolStatus {
  const { kept, releasing } = seen.plan;
  const conditions = setConditions(pool.status?.conditions, standing(standingOf(seen)), now);
  return {
    observedGeneration: pool.metadata.generation ?? 0,
    replicas: kept.length,
    readyReplicas: kept.filter(({ isReady }) => isReady).length,
    updatedReplicas: kept.filter(isUpdated).length,
    selector: `${POOL_LABEL}=${pool.metadata.name}`,
    ...(seen.free !== undefined && { free: seen.free }),
    ...(releasing.length > 0 && { releasing: [...releasing] }),
    conditions: [...conditions],
  };
}

const isUpdated = ({ change }: ClaimFacts): boolean => change === "none";

/** The first that holds; a person who reads it should know what to do, or what is waited for. */
function standingOf(seen: Seen): Standing {
  return (
    inTrouble(seen) ??
    tooMany(seen) ??
    halted(seen) ??
    stalled(seen) ??
    rolling(seen) ??
    scaling(seen) ??
    waiting(seen) ??
    well(seen)
  );
}

type Check = (seen: Seen) => Standing | null;

const inTrouble: Check = ({ trouble }) =>
  trouble && {
    ...trouble,
    ...(trouble.reason === "OwnerGone" ? { reconciling: true } : { stalled: true }),
  };

/** What is left of a surplus is protected, or is for the next reconcile. */
const tooMany: Check = ({ facts: { desired }, plan: { kept } }) => {
  if (!kept.some(({ isProtected }) => isProtected) || kept.length <= desired) return null;
  const message = `${desired} of ${kept.length} claims would do, but spec.protected keeps the others. Take it away, or scale up.`;
  return { stalled: true, reason: "ClaimProtected", message };
};

const halted: Check = (seen) => {
  const { facts, plan } = seen;
  if (plan.halted === null || mayStillCome(seen, [plan.halted])) return null;
  const { name, reason, message } = plan.halted;
  const done = plan.kept.filter(isUpdated).length;
  const text = `The rollout stopped at ${done} of ${facts.desired}: claim ${name} is ${reason}: ${message}`;
  return { stalled: true, reason: "RolloutHalted", message: text };
};

const stalled: Check = (seen) => {
  const claims = seen.plan.kept.filter(({ isStalled }) => isStalled);
  if (claims.length === 0 || mayStillCome(seen, claims)) return null;
  const { reason, message } = told(claims, seen.plan.kept.length);
  return { stalled: true, reason, message: message + backlog(seen.facts, claims) };
};

/** They wait for machines, and machines are on their way back from claims that were given up. */
const mayStillCome = ({ facts }: Seen, claims: readonly ClaimFacts[]): boolean =>
  claims.every(({ holds }) => holds === "nothing") &&
  facts.claims.some((claim) => claim.isGoing && claim.holds !== "nothing" && !claim.isStalled);

/** What holds up machines on their way back, for claims that wait for them. */
function backlog({ claims }: PoolFacts, waiting: readonly ClaimFacts[]): string {
  const stuck = claims.filter(({ isGoing, isStalled }) => isGoing && isStalled);
  if (stuck.length === 0 || waiting.every(({ holds }) => holds !== "nothing")) return "";
  const [{ name, reason, message } = { name: "", reason: "", message: "" }] = stuck;
  return ` Of ${stuck.length} that were given up the machine does not come back: ${name} is ${reason}: ${message}`;
}

/** From the first claim that is replaced until all are Ready. */
const rolling: Check = ({ facts, plan: { kept, actions }, wasRolling }) => {
  const outdated = kept.filter((claim) => !isUpdated(claim));
  const unready = kept.filter(({ isReady }) => !isReady);
  const begins = actions.some(
    (action) => action.kind === "deleteClaim" && action.why === "outdated",
  );
  const goesOn = wasRolling && (kept.length !== facts.desired || unready.length > 0);
  if (outdated.length === 0 && !begins && !goesOn) return null;
  const done = `${kept.length - outdated.length} of ${facts.desired} claims are as the template says.`;
  if (outdated.length > 0 && outdated.every(({ isProtected }) => isProtected)) {
    const message = `${done} The others are protected: take spec.protected of the claims away.`;
    return { stalled: true, reason: "ClaimProtected", message };
  }
  const wait =
    unready.length === 0
      ? ""
      : ` maxUnavailable is ${facts.maxUnavailable}. ${told(unready, kept.length).message}${backlog(facts, unready)}`;
  return { reconciling: true, reason: "RollingOut", message: done + wait };
};

const scaling: Check = ({ facts: { desired }, plan: { kept } }) =>
  kept.length === desired
    ? null
    : {
        reconciling: true,
        reason: "Scaling",
        message: `From ${kept.length} to ${desired} claims.`,
      };

const waiting: Check = ({ facts, plan: { kept } }) => {
  const unready = kept.filter(({ isReady }) => !isReady);
  if (unready.length === 0) return null;
  const { reason, message } = told(unready, kept.length);
  return { reconciling: true, reason, message: message + backlog(facts, unready) };
};

const well = ({ plan: { kept } }: Seen): Standing =>
  kept.length === 0
    ? { ready: true, reason: "ScaledToZero", message: "No claim is wanted, and there is none." }
    : {
        ready: true,
        reason: "AllReady",
        message: `${kept.length} of ${kept.length} claims are Ready.`,
      };

/** The commonest reason of these claims, with the words of the first that has it. */
function told(claims: readonly ClaimFacts[], all: number): { reason: string; message: string } {
  const counts = new Map<string, number>();
  for (const { reason } of claims) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const [reason = "", count = 0] = [...counts].toSorted(
    ([a, m], [b, n]) => n - m || (a < b ? -1 : 1),
  )[0] ?? ["", 0];
  const words = claims.find((claim) => claim.reason === reason)?.message ?? "";
  const message = `${count} of ${all} claims ${count === 1 ? "is" : "are"} ${reason}: ${words}`;
  return { reason, message };
}
