import type { ClaimFacts, PoolFacts } from "#controllers/pool/facts.ts";

/** A claim that holds a machine, is Ready and as the template says, but for what differs. */
export const claimFacts = (name: string, differs: Partial<ClaimFacts> = {}): ClaimFacts => ({
  name,
  uid: `uid-${name}`,
  resourceVersion: "1",
  createdAt: 0,
  isGoing: false,
  holds: "machine",
  isReady: true,
  isStalled: false,
  isProtected: false,
  isNamed: false,
  reason: "Deployed",
  message: "",
  change: "none",
  sync: null,
  ...differs,
});

/** A pool of these claims, and wanting no others. */
export const poolFacts = (
  claims: readonly ClaimFacts[],
  differs: Partial<PoolFacts> = {},
): PoolFacts => ({
  desired: claims.length,
  deletePolicy: "Newest",
  strategy: "Replace",
  maxUnavailable: 1,
  claims,
  releasing: [],
  names: Array.from({ length: 100 }, (_, n) => `new-${n}`),
  ...differs,
});
