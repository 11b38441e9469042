import type { MachineClaim } from "#api/machine-claim.ts";
import type { MachinePool, MachinePoolStatus } from "#api/machine-pool.ts";
import { type Duration, minutes, seconds } from "#base/duration.ts";
import type { OwnerReference } from "#base/object.ts";
import { isSame } from "#base/same.ts";
import { findCondition } from "#kube/conditions.ts";
import type { Requeue } from "#kube/controller.ts";
import type { EventText } from "#kube/events.ts";
import { factsOf } from "./observe.ts";
import { controllerOf, type Ownership, ownerOf, ownership } from "./ownership.ts";
import { type Outcome, performAll } from "./perform.ts";
import { type Plan, plan } from "./plan.ts";
import { isRolling, poolStatus, type Seen, type Trouble } from "./status.ts";
import { deeds, turns } from "./story.ts";
import { templateHash } from "./template.ts";

/** A claim as it is made, but for its place. */
export interface ClaimDraft {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: object;
}

/** What the pool's controller needs of the outside world. */
export interface PoolDeps {
  readonly now: () => number;
  readonly hash: (text: string) => string;
  /** From caches; nothing of this waits. */
  readonly get: (key: string) => MachinePool | undefined;
  /** All claims of the pool's namespace that it owns, or that have its label. */
  readonly claimsOf: (pool: MachinePool) => readonly MachineClaim[];
  readonly hasClaim: (pool: MachinePool, name: string) => boolean;
  /** Machines that a claim of the pool could take now; undefined: not known. */
  readonly free: (pool: MachinePool) => number | undefined;
  readonly event: (pool: MachinePool, event: EventText) => void;

  /** Asks the API server itself whether this is the pool as it is now, and not being deleted. */
  readonly isCurrent: (pool: MachinePool, signal: AbortSignal) => Promise<boolean>;
  /** Resolves to false if the name is taken. */
  readonly createClaim: (
    pool: MachinePool,
    name: string,
    draft: ClaimDraft,
    signal: AbortSignal,
  ) => Promise<boolean>;
  /** Resolves to false, where `resourceVersion` is given, if the claim has changed since. */
  readonly deleteClaim: (
    pool: MachinePool,
    claim: { readonly name: string; readonly uid: string; readonly resourceVersion?: string },
    signal: AbortSignal,
  ) => Promise<boolean>;
  /** With the claim's resourceVersion. */
  readonly patchClaim: (claim: MachineClaim, patch: object, signal: AbortSignal) => Promise<void>;
  /** Writes spec.replicas, as an autoscaler does. */
  readonly scale: (pool: MachinePool, replicas: number, signal: AbortSignal) => Promise<void>;
  readonly writeStatus: (
    pool: MachinePool,
    status: MachinePoolStatus,
    signal: AbortSignal,
  ) => Promise<MachinePool>;
}

const AT_ONCE = 0 as Duration;
const CATCH_UP = seconds(1); // our view was old
const REFUSED = seconds(30); // by a quota, or a policy: nothing tells us when it lets go
const REST = minutes(10);

/**
 * Brings a pool's claims one step nearer to its template and number. Writes down whom it gives up
 * before it does.
 */
export async function reconcilePool(
  key: string,
  deps: PoolDeps,
  signal: AbortSignal,
): Promise<Requeue> {
  const pool = deps.get(key);
  // A pool that is deleted leaves its claims to the garbage collector, who knows how it was meant.
  if (pool === undefined || pool.metadata.deletionTimestamp !== undefined) return { after: null };
  const whose = ownership(pool, deps.claimsOf(pool));
  const sorted = await sortOut(pool, whose, deps, signal);
  if (sorted !== null) return { after: sorted };

  const hash = templateHash(pool, deps.hash);
  const facts = factsOf(pool, whose.mine, hash, (name) => deps.hasClaim(pool, name));
  const decided = plan(facts);
  const gone = ownerGone(whose);
  const trouble = gone ?? carried(pool, decided);
  const wasRolling = isRolling(pool.status);
  const seen = { facts, plan: decided, free: deps.free(pool), trouble, wasRolling };
  const written = await record(pool, seen, deps, signal);
  if (gone !== null) return { after: CATCH_UP };
  if (pool.spec.replicas !== facts.desired) {
    // Without it there is no scale to be read by an autoscaler; outside its bounds, a wrong one.
    await deps.scale(written, facts.desired, signal);
    return { after: CATCH_UP };
  }
  // What is done cannot be undone: not on the word of a pool that says something else by now.
  const acts = decided.actions.length > 0;
  if (acts && !(await deps.isCurrent(written, signal))) return { after: CATCH_UP };

  const context = { pool: written, hash, claims: whose.mine };
  const outcome = await performAll(decided.actions, context, deps, signal);
  for (const deed of deeds(outcome.done, facts.desired)) deps.event(pool, deed);
  await amend(written, seen, outcome, deps, signal);
  return { after: again(decided, outcome) };
}

/** Writes the status, and tells what has changed. */
async function record(
  pool: MachinePool,
  seen: Seen,
  deps: PoolDeps,
  signal: AbortSignal,
): Promise<MachinePool> {
  const status = poolStatus(pool, seen, deps.now());
  const written = await deps.writeStatus(pool, status, signal);
  for (const turn of turns(pool.status, status)) deps.event(pool, turn);
  return written;
}

/** What came otherwise than it was written down: who may not be made, who was not given up. */
async function amend(
  pool: MachinePool,
  seen: Seen,
  { spared, trouble }: Outcome,
  deps: PoolDeps,
  signal: AbortSignal,
): Promise<void> {
  if (spared.length === 0 && isSame(trouble, seen.trouble)) return;
  const releasing = seen.plan.releasing.filter((uid) => !spared.includes(uid));
  await record(pool, { ...seen, plan: { ...seen.plan, releasing }, trouble }, deps, signal);
}

/** While it is tried again, what was refused stays refused: the status must not flicker. */
function carried({ status }: MachinePool, { actions }: Plan): Trouble | null {
  const ready = findCondition(status?.conditions, "Ready");
  if (ready?.reason !== "ClaimRefused" || actions.length === 0) return null;
  return { reason: ready.reason, message: ready.message };
}

function again({ isCut }: Plan, { done, trouble, isStale }: Outcome): Duration {
  if (trouble !== null) return REFUSED;
  // What was begun before is done with when the watch says so.
  const news = done.filter((action) => action.kind !== "deleteClaim" || action.why !== "begun");
  if (isCut || news.length > 0) return AT_ONCE;
  return isStale || done.length > 0 ? CATCH_UP : REST;
}

/**
 * Takes orphans in and lets strays go; null: there were none. To take one in for a pool that is gone
 * would have it deleted with that, so the API server is asked first.
 */
async function sortOut(
  pool: MachinePool,
  { orphans, strays }: Ownership,
  deps: PoolDeps,
  signal: AbortSignal,
): Promise<Duration | null> {
  if (orphans.length + strays.length === 0) return null;
  if (!(await deps.isCurrent(pool, signal))) return CATCH_UP;
  for (const claim of orphans) {
    const owners = claim.metadata.ownerReferences ?? [];
    await own(claim, [...owners, ownerOf(pool)], deps, signal);
  }
  for (const claim of strays) {
    const owner = controllerOf(claim);
    const owners = (claim.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== owner?.uid);
    await own(claim, owners, deps, signal);
  }
  tellOf(pool, orphans, "Adopted", deps);
  tellOf(pool, strays, "LetGo", deps);
  return AT_ONCE;
}

const own = (
  claim: MachineClaim,
  ownerReferences: readonly OwnerReference[],
  deps: PoolDeps,
  signal: AbortSignal,
): Promise<void> => deps.patchClaim(claim, { metadata: { ownerReferences } }, signal);

function tellOf(
  pool: MachinePool,
  claims: readonly MachineClaim[],
  reason: string,
  deps: PoolDeps,
): void {
  if (claims.length === 0) return;
  const names = claims.map(({ metadata }) => metadata.name).slice(0, 10);
  const message = `${names.join(", ")}${claims.length > names.length ? " and more" : ""}: its label says so.`;
  deps.event(pool, { type: "Normal", reason, message });
}

/** A pool of this name was there before: what it left is about to be deleted, or orphaned. */
function ownerGone({ heirless }: Ownership): Trouble | null {
  const [claim] = heirless;
  if (claim === undefined) return null;
  const message = `Claim ${claim.metadata.name} belongs to a pool of this name that is gone: Kubernetes' garbage collector decides about it first.`;
  return { reason: "OwnerGone", message };
}
