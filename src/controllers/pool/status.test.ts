import { describe, expect, it } from "vitest";
import type { MachinePool } from "#api/machine-pool.ts";
import { claimFacts, poolFacts } from "#test/fakes/pool-facts.ts";
import { template } from "#test/fakes/pool-room.ts";
import type { ClaimFacts, PoolFacts } from "./facts.ts";
import { plan } from "./plan.ts";
import { poolStatus } from "./status.ts";

const pool: MachinePool = {
  metadata: { name: "web", namespace: "team", uid: "u", resourceVersion: "1", generation: 2 },
  spec: { deletePolicy: "Newest", protected: false, template: template() },
};

function stands(claims: readonly ClaimFacts[], differs: Partial<PoolFacts>): string {
  const facts = poolFacts(claims, differs);
  const seen = { facts, plan: plan(facts), free: undefined, trouble: null, wasRolling: false };
  const { conditions = [] } = poolStatus(pool, seen, 0);
  const flag = conditions.find(({ status }) => status === "True");
  return `${flag?.type} ${flag?.reason}: ${conditions[0]?.message}`;
}

const a = claimFacts("a");
const waits = (name: string) =>
  claimFacts(name, {
    holds: "nothing",
    isReady: false,
    isStalled: true,
    reason: "NotPlaced",
    message: "12 lack memory.",
  });
const deploys = claimFacts("d", { isReady: false, reason: "Deploying", message: "On its way." });
const comes = claimFacts("g", { isGoing: true });
const stuck = claimFacts("s", {
  isGoing: true,
  isStalled: true,
  reason: "ReleaseBrake",
  message: "Enough for this hour.",
});
const old = (name: string) => claimFacts(name, { change: "deploy" });

describe("a pool stands", () => {
  it.each<{ claims: ClaimFacts[]; pool?: Partial<PoolFacts>; says: string }>([
    { claims: [a], says: "Ready AllReady: 1 of 1 claims are Ready." },
    { claims: [], says: "Ready ScaledToZero: No claim is wanted, and there is none." },
    { claims: [a], pool: { desired: 3 }, says: "Reconciling Scaling: From 1 to 3 claims." },
    {
      claims: [a, deploys],
      says: "Reconciling Deploying: 1 of 2 claims is Deploying: On its way.",
    },
    {
      claims: [a, waits("b"), waits("c"), deploys],
      says: "Stalled NotPlaced: 2 of 4 claims are NotPlaced: 12 lack memory.",
    },
    {
      claims: [a, waits("b"), comes],
      pool: { desired: 2 },
      says: "Reconciling NotPlaced: 1 of 2 claims is NotPlaced: 12 lack memory.",
    },
    {
      claims: [old("a"), waits("b"), comes],
      pool: { desired: 2 },
      says: "Reconciling RollingOut: 1 of 2 claims are as the template says. maxUnavailable is 1. 1 of 2 claims is NotPlaced: 12 lack memory.",
    },
    {
      claims: [old("a"), waits("b")],
      says: "Stalled RolloutHalted: The rollout stopped at 1 of 2: claim b is NotPlaced: 12 lack memory.",
    },
    {
      claims: [a, waits("b"), stuck],
      pool: { desired: 2 },
      says: "Stalled NotPlaced: 1 of 2 claims is NotPlaced: 12 lack memory. Of 1 that were given up the machine does not come back: s is ReleaseBrake: Enough for this hour.",
    },
    {
      claims: [old("a"), old("b")],
      says: "Reconciling RollingOut: 0 of 2 claims are as the template says.",
    },
    {
      claims: [claimFacts("a", { isProtected: true })],
      pool: { desired: 0 },
      says: "Stalled ClaimProtected: 0 of 1 claims would do, but spec.protected keeps the others. Take it away, or scale up.",
    },
  ])("$says", ({ claims, pool: differs = {}, says }) => {
    expect(stands(claims, differs)).toBe(says);
  });
});
