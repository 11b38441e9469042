/** From objects to facts. */
import { DELETE_FIRST_ANNOTATION, RELEASE_FINALIZER } from "#api/group.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { MachinePool, MachinePoolSpec } from "#api/machine-pool.ts";
import { findCondition, isTrue } from "#kube/conditions.ts";
import { BURST, type ClaimFacts, type PoolFacts } from "./facts.ts";
import { freeNames } from "./names.ts";
import { changeOf, syncPatch } from "./template.ts";

/** @param isTaken whether the pool's namespace has a claim of that name, whosever it is */
export function factsOf(
  pool: MachinePool,
  claims: readonly MachineClaim[],
  hash: string,
  isTaken: (name: string) => boolean,
): PoolFacts {
  const { spec, status, metadata } = pool;
  const desired = desiredOf(spec);
  return {
    desired,
    deletePolicy: spec.deletePolicy,
    strategy: spec.strategy?.type ?? "Replace",
    maxUnavailable: maxUnavailableOf(spec.strategy?.maxUnavailable, desired),
    claims: claims.map((claim) => claimFacts(claim, pool, hash)),
    releasing: status?.releasing ?? [],
    names: freeNames(metadata, Math.min(desired, BURST), isTaken),
  };
}

/** Replicas within the pool's bounds. */
export function desiredOf({ replicas, minReplicas, maxReplicas }: MachinePoolSpec): number {
  const least = minReplicas ?? 0;
  return Math.max(least, Math.min(replicas ?? least, maxReplicas ?? Number.POSITIVE_INFINITY));
}

/** A share is rounded down; never below 1, or nothing would ever be rolled out. */
export function maxUnavailableOf(value: number | string | undefined, desired: number): number {
  const count =
    typeof value === "string" ? Math.floor((Number.parseInt(value, 10) * desired) / 100) : value;
  return Math.max(1, count ?? 1);
}

/** A pool of thousands is looked at once a second, and few of its claims have changed since. */
const KNOWN = new WeakMap<MachineClaim, { readonly seenBy: string; readonly facts: ClaimFacts }>();

function claimFacts(claim: MachineClaim, pool: MachinePool, hash: string): ClaimFacts {
  const seenBy = `${pool.metadata.uid} ${pool.metadata.generation} ${hash}`;
  const known = KNOWN.get(claim);
  if (known?.seenBy === seenBy) return known.facts;
  const facts = lookAt(claim, pool, hash);
  KNOWN.set(claim, { seenBy, facts });
  return facts;
}

function lookAt(claim: MachineClaim, pool: MachinePool, hash: string): ClaimFacts {
  const { metadata, spec, status } = claim;
  const isCurrent = (status?.observedGeneration ?? -1) >= (metadata.generation ?? 0);
  const ready = findCondition(status?.conditions, "Ready");
  const change = changeOf(claim, pool, hash);
  const named = metadata.annotations?.[DELETE_FIRST_ANNOTATION];
  return {
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    createdAt: Date.parse(metadata.creationTimestamp ?? "") || 0,
    isGoing: metadata.deletionTimestamp !== undefined,
    holds: holdsOf(claim),
    isReady: isCurrent && isServed(claim),
    isStalled: isCurrent && isTrue(status?.conditions, "Stalled"),
    isProtected: spec.protected,
    isNamed: named !== undefined && named !== "false",
    reason: ready?.reason ?? "Pending",
    message: ready?.message ?? "Nobody has looked at it yet.",
    change,
    sync: syncPatch(claim, pool, hash, change),
  };
}

/** What is to be reinstalled is Ready with the old system until that begins. */
const isServed = ({ spec, status }: MachineClaim): boolean =>
  isTrue(status?.conditions, "Ready") &&
  (spec.updateStrategy === "OnDelete" || isTrue(status?.conditions, "UpToDate"));

/** The finalizer is there before a machine is: without it, and without a status, there is none. */
function holdsOf({ metadata, status }: MachineClaim): ClaimFacts["holds"] {
  if (status?.machineRef !== undefined) return "machine";
  const isSeen = (status?.observedGeneration ?? -1) >= 0;
  return isSeen || !metadata.finalizers?.includes(RELEASE_FINALIZER) ? "nothing" : "unknown";
}
