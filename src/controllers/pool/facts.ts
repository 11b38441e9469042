/** All that a pool's decisions may look at, as plain data. */

/** What it takes to make a claim as the template says. */
export type Change =
  | "none"
  /** Another image: the same machine can be deployed anew. */
  | "deploy"
  /** A new claim: it may need another machine, or more of it differs than its image. */
  | "machine";

/** One claim of the pool. */
export interface ClaimFacts {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Its deletion was ordered; its machine may still be on the way back. */
  readonly isGoing: boolean;
  /** "unknown": no status tells, as after its loss; it counts as a machine. */
  readonly holds: "nothing" | "machine" | "unknown";
  /** Ready, for its newest generation and with what that asks for. */
  readonly isReady: boolean;
  readonly isStalled: boolean;
  /** `spec.protected`: its DELETE would be refused. */
  readonly isProtected: boolean;
  /** Somebody asked that it goes first: see DELETE_FIRST_ANNOTATION. */
  readonly isNamed: boolean;
  /** Why it is not ready, or that it is: from its condition Ready. */
  readonly reason: string;
  readonly message: string;
  readonly change: Change;
  /** What of it follows the template at once, without harm; null: nothing differs. */
  readonly sync: object | null;
}

/** What the planner sees. */
export interface PoolFacts {
  /** Between the pool's bounds. */
  readonly desired: number;
  readonly deletePolicy: "Newest" | "Oldest" | "Random";
  readonly strategy: "Replace" | "Reinstall";
  /** At least 1. */
  readonly maxUnavailable: number;
  readonly claims: readonly ClaimFacts[];
  /** UIDs that the status says are given up: written down before they were deleted. */
  readonly releasing: readonly string[];
  /** Names for new claims, best first; see names.ts. */
  readonly names: readonly string[];
}

/** So many objects are written in one reconcile; the rest is for the next. */
export const BURST = 100;
