import { BURST, type ClaimFacts, type PoolFacts } from "./facts.ts";
import { type Rollout, rollout } from "./rollout.ts";
import { inOrder } from "./victims.ts";

/** Why a claim is deleted: there are too many, the template changed, or it was begun before. */
export type Cause = "surplus" | "outdated" | "begun";

export type Action =
  | { readonly kind: "createClaim"; readonly name: string }
  | { readonly kind: "deleteClaim"; readonly claim: ClaimFacts; readonly why: Cause }
  /** Its `deploy` becomes the template's. */
  | { readonly kind: "reinstallClaim"; readonly claim: ClaimFacts }
  | { readonly kind: "syncClaim"; readonly claim: ClaimFacts; readonly patch: object };

export interface Plan {
  readonly actions: readonly Action[];
  /** Claims that stay. */
  readonly kept: readonly ClaimFacts[];
  /** For the status, before the actions: UIDs of all that are given up. */
  readonly releasing: readonly string[];
  readonly halted: Rollout["halted"];
  /** More is to be done at once than one reconcile does. */
  readonly isCut: boolean;
}

/**
 * What to do about a pool's claims. Those that were given up once are, whatever the view says now:
 * so nobody picks others in their stead.
 */
export function plan(facts: PoolFacts): Plan {
  const givenUp = new Set(facts.releasing);
  const there = facts.claims.filter(({ isGoing }) => !isGoing);
  const begun = there.filter(({ uid }) => givenUp.has(uid));
  const live = there.filter(({ uid }) => !givenUp.has(uid));

  const excess = Math.max(0, live.length - facts.desired);
  const surplus = new Set(inOrder(live, facts.deletePolicy).slice(0, excess));
  const staying = live.filter((claim) => !surplus.has(claim));
  const missing = Math.max(0, facts.desired - staying.length);
  const { next, halted } = rollout(facts, staying, missing);
  const isReinstalled = (claim: ClaimFacts): boolean =>
    facts.strategy === "Reinstall" && claim.change === "deploy";
  const outdated = next.filter((claim) => !isReinstalled(claim));

  const victims = [
    ...begun.map((claim) => ({ kind: "deleteClaim", claim, why: "begun" }) as const),
    ...[...surplus].map((claim) => ({ kind: "deleteClaim", claim, why: "surplus" }) as const),
    ...outdated.map((claim) => ({ kind: "deleteClaim", claim, why: "outdated" }) as const),
  ];
  const deletions = victims.slice(0, BURST);
  const gone = new Set(deletions.map(({ claim }) => claim));
  const kept = live.filter((claim) => !gone.has(claim));
  const wanted = Math.max(0, facts.desired - kept.length);
  const names = facts.names.slice(0, wanted);
  return {
    actions: [...deletions, ...changes(kept, next, isReinstalled), ...names.map(creation)],
    kept,
    releasing: deletions.map(({ claim }) => claim.uid),
    halted,
    isCut: victims.length > deletions.length || wanted > names.length,
  };
}

/** What is patched in place. */
function changes(
  kept: readonly ClaimFacts[],
  next: readonly ClaimFacts[],
  isReinstalled: (claim: ClaimFacts) => boolean,
): readonly Action[] {
  const turn = new Set(next.filter(isReinstalled));
  return kept.flatMap((claim): Action[] => {
    if (turn.has(claim)) return [{ kind: "reinstallClaim", claim }];
    return claim.sync === null ? [] : [{ kind: "syncClaim", claim, patch: claim.sync }];
  });
}

const creation = (name: string): Action => ({ kind: "createClaim", name });
