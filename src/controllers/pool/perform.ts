import type { MachineClaim } from "#api/machine-claim.ts";
import type { MachinePool } from "#api/machine-pool.ts";
import { isForbidden, isInvalid } from "#kube/client.ts";
import type { Action } from "./plan.ts";
import type { PoolDeps } from "./reconcile.ts";
import type { Trouble } from "./status.ts";
import { claimOf, reinstallPatch } from "./template.ts";

export interface Context {
  readonly pool: MachinePool;
  readonly hash: string;
  readonly claims: readonly MachineClaim[];
}

/** What came of a plan. */
export interface Outcome {
  readonly done: readonly Action[];
  /** UIDs of claims that were to be deleted and were not: the next look decides anew. */
  readonly spared: readonly string[];
  readonly trouble: Trouble | null;
  /** The cache has not caught up with what is there. */
  readonly isStale: boolean;
}

/** Does all that can be done; what the API server refuses is said in the pool's status. */
export async function performAll(
  actions: readonly Action[],
  context: Context,
  deps: PoolDeps,
  signal: AbortSignal,
): Promise<Outcome> {
  const done: Action[] = [];
  const left: Action[] = [];
  let trouble: Trouble | null = null;
  for (const action of actions) {
    try {
      const list = (await perform(action, context, deps, signal)) ? done : left;
      list.push(action);
    } catch (error) {
      if (!isForbidden(error) && !isInvalid(error)) throw error;
      trouble = { reason: "ClaimRefused", message: say(action, error) };
      left.push(action);
      if (action.kind === "createClaim") break; // the next one would be refused as well
    }
  }
  const spared = left.flatMap((one) => (one.kind === "deleteClaim" ? [one.claim.uid] : []));
  return { done, spared, trouble, isStale: left.length > 0 };
}

/** Resolves to false if what it was decided upon is so no longer. */
async function perform(
  action: Action,
  { pool, hash, claims }: Context,
  deps: PoolDeps,
  signal: AbortSignal,
): Promise<boolean> {
  switch (action.kind) {
    case "createClaim":
      return deps.createClaim(pool, action.name, claimOf(pool, hash), signal);
    case "deleteClaim": {
      const { name, uid, resourceVersion } = action.claim;
      // As it was seen: who got a machine, or was protected, since then is thought over.
      const seen = action.why === "begun" ? {} : { resourceVersion };
      return deps.deleteClaim(pool, { name, uid, ...seen }, signal);
    }
    case "reinstallClaim":
    case "syncClaim": {
      const claim = claims.find(({ metadata }) => metadata.uid === action.claim.uid);
      if (claim === undefined) return false;
      const patch = action.kind === "syncClaim" ? action.patch : reinstallPatch(claim, pool, hash);
      await deps.patchClaim(claim, patch, signal);
      return true;
    }
  }
}

function say(action: Action, error: unknown): string {
  const name = action.kind === "createClaim" ? action.name : action.claim.name;
  const verb =
    action.kind === "createClaim" ? "made" : action.kind === "deleteClaim" ? "deleted" : "changed";
  return `Claim ${name} could not be ${verb}: ${error instanceof Error ? error.message : error}`;
}
