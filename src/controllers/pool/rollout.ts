import type { ClaimFacts, PoolFacts } from "./facts.ts";
import { inOrder } from "./victims.ts";

export interface Rollout {
  /** Claims whose turn it is. */
  readonly next: readonly ClaimFacts[];
  /** A claim that is as the template says, and failed: no other machine gets what failed there. */
  readonly halted: ClaimFacts | null;
}

/**
 * Which claims are to be made as the template says now. Those that hold no machine cost nothing and
 * all go at once; of the others at most `maxUnavailable` are on the way at a time, and a ready one
 * goes only while so many others are ready.
 *
 * @param claims those that stay
 * @param missing how many are yet to be created
 */
export function rollout(
  { desired, maxUnavailable, deletePolicy }: PoolFacts,
  claims: readonly ClaimFacts[],
  missing: number,
): Rollout {
  const updated = claims.filter(({ change }) => change === "none");
  const outdated = inOrder(
    claims.filter(({ change, holds }) => change !== "none" && holds !== "unknown"),
    deletePolicy,
  );
  if (outdated.length === 0) return { next: [], halted: null };

  const empty = outdated.filter(({ holds }) => holds === "nothing");
  const halted = updated.find(({ isStalled }) => isStalled) ?? null;
  if (halted !== null) return { next: empty, halted };

  const onTheWay = updated.filter(({ isReady }) => !isReady).length + missing + empty.length;
  const room = Math.max(0, maxUnavailable - onTheWay);
  const ready = claims.filter(({ isReady }) => isReady).length;
  const spare = Math.max(0, maxUnavailable - Math.max(0, desired - ready));
  const held = outdated.filter(({ holds }) => holds === "machine");
  const broken = held.filter(({ isReady }) => !isReady).slice(0, room);
  const whole = held.filter(({ isReady }) => isReady);
  return {
    next: [...empty, ...broken, ...whole.slice(0, Math.min(room - broken.length, spare))],
    halted: null,
  };
}
