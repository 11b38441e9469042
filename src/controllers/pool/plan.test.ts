import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { claimFacts, poolFacts } from "#test/fakes/pool-facts.ts";
import { BURST, type ClaimFacts, type PoolFacts } from "./facts.ts";
import { type Action, plan } from "./plan.ts";

const told = (action: Action): string => {
  if (action.kind === "createClaim") return `create ${action.name}`;
  if (action.kind === "deleteClaim") return `delete ${action.claim.name} (${action.why})`;
  return `${action.kind === "syncClaim" ? "sync" : "reinstall"} ${action.claim.name}`;
};

const actions = (claims: readonly ClaimFacts[], differs: Partial<PoolFacts> = {}) =>
  plan(poolFacts(claims, differs)).actions.map(told);

const [a, b, c] = ["a", "b", "c"].map((name) => claimFacts(name)) as [
  ClaimFacts,
  ClaimFacts,
  ClaimFacts,
];
const old = (name: string, differs: Partial<ClaimFacts> = {}) =>
  claimFacts(name, { change: "deploy", ...differs });
const unready = { isReady: false };
const empty = { holds: "nothing", isReady: false } as const;

describe("a pool's plan", () => {
  it.each<{ what: string; claims: ClaimFacts[]; pool?: Partial<PoolFacts>; does: string[] }>([
    { what: "does nothing where all is as it should be", claims: [a, b, c], does: [] },
    {
      what: "creates what is missing",
      claims: [a],
      pool: { desired: 3 },
      does: ["create new-0", "create new-1"],
    },
    {
      what: "counts no claim that is going away",
      claims: [a, claimFacts("b", { isGoing: true })],
      does: ["create new-0"],
    },
    {
      what: "gives up what is too many",
      claims: [a, b, c],
      pool: { desired: 1 },
      does: ["delete c (surplus)", "delete b (surplus)"],
    },
    {
      what: "scales to zero",
      claims: [a, b],
      pool: { desired: 0 },
      does: ["delete b (surplus)", "delete a (surplus)"],
    },
    {
      what: "gives up whom it once wrote down, though another is less ready now",
      claims: [claimFacts("a", unready), b],
      pool: { desired: 1, releasing: ["uid-b"] },
      does: ["delete b (begun)"],
    },
    {
      what: "replaces one claim at a time",
      claims: [old("a"), old("b")],
      does: ["delete b (outdated)", "create new-0"],
    },
    {
      what: "waits until a replacement is ready",
      claims: [old("a"), claimFacts("b", unready)],
      does: [],
    },
    {
      what: "replaces as many as may be not ready",
      claims: [old("a"), old("b"), c],
      pool: { maxUnavailable: 2 },
      does: ["delete b (outdated)", "delete a (outdated)", "create new-0", "create new-1"],
    },
    {
      what: "takes no ready claim where another one is missing already",
      claims: [old("a"), claimFacts("b", unready), c],
      does: [],
    },
    {
      what: "begins with those that are not ready",
      claims: [old("a", unready), old("b")],
      does: ["delete a (outdated)", "create new-0"],
    },
    {
      what: "replaces all that hold no machine at once",
      claims: [old("a", empty), old("b", empty), old("c")],
      does: ["delete b (outdated)", "delete a (outdated)", "create new-0", "create new-1"],
    },
    {
      what: "stops where a new one failed",
      claims: [old("a"), old("b"), claimFacts("c", { isReady: false, isStalled: true })],
      pool: { maxUnavailable: 3 },
      does: [],
    },
    {
      what: "goes on where an old one failed",
      claims: [old("a", { isReady: false, isStalled: true }), old("b")],
      does: ["delete a (outdated)", "create new-0"],
    },
    {
      what: "leaves alone of whom it knows nothing",
      claims: [old("a", { holds: "unknown", isReady: false })],
      does: [],
    },
    { what: "leaves alone what is protected", claims: [old("a", { isProtected: true })], does: [] },
    {
      what: "reinstalls in place where the strategy says so",
      claims: [old("a"), old("b")],
      pool: { strategy: "Reinstall" },
      does: ["reinstall b"],
    },
    {
      what: "replaces, with Reinstall, whom another machine may be needed for",
      claims: [claimFacts("a", { change: "machine" })],
      pool: { strategy: "Reinstall" },
      does: ["delete a (outdated)", "create new-0"],
    },
    {
      what: "gives up an old one, when it scales down, rather than a new one",
      claims: [old("a"), b],
      pool: { desired: 1 },
      does: ["delete a (surplus)"],
    },
    {
      what: "brings what does no harm to all at once",
      claims: [claimFacts("a", { sync: { x: 1 } }), old("b", { sync: { x: 1 } }), c],
      pool: { strategy: "Reinstall" },
      does: ["sync a", "reinstall b"],
    },
  ])("$what", ({ claims, pool, does }) => {
    expect(actions(claims, pool)).toEqual(does);
  });

  it("writes down all whom it gives up, in one reconcile no more than it can write", () => {
    const claims = Array.from({ length: 250 }, (_, n) => claimFacts(`web-${n}`));
    const found = plan(poolFacts(claims, { desired: 0 }));
    expect(found.releasing).toHaveLength(BURST);
    expect(found.kept).toHaveLength(150);
    expect(found.isCut).toBe(true);
  });
});

const anyClaim = (n: number): fc.Arbitrary<ClaimFacts> =>
  fc
    .record({
      createdAt: fc.nat(3),
      isGoing: fc.boolean(),
      holds: fc.constantFrom("nothing", "machine", "unknown"),
      isReady: fc.boolean(),
      isStalled: fc.boolean(),
      isProtected: fc.boolean(),
      isNamed: fc.boolean(),
      change: fc.constantFrom("none", "deploy", "machine"),
    })
    .map((one) =>
      claimFacts(`web-${n}`, { ...one, isReady: one.isReady && one.holds === "machine" }),
    );

const anyPool: fc.Arbitrary<PoolFacts> = fc
  .record({
    claims: fc.nat(8).chain((n) => fc.tuple(...Array.from({ length: n }, (_, at) => anyClaim(at)))),
    desired: fc.nat(8),
    deletePolicy: fc.constantFrom("Newest", "Oldest", "Random"),
    strategy: fc.constantFrom("Replace", "Reinstall"),
    maxUnavailable: fc.integer({ min: 1, max: 4 }),
    releasing: fc.subarray(["uid-web-0", "uid-web-1", "uid-web-2"]),
  } as const)
  .map(({ claims, ...rest }) => poolFacts(claims, rest));

const deletions = (facts: PoolFacts) =>
  plan(facts).actions.flatMap((action) => (action.kind === "deleteClaim" ? [action] : []));
const isThere = ({ isGoing }: ClaimFacts) => !isGoing;

describe("whatever it sees, a pool", () => {
  it("never has more claims in the end than are wanted, nor fewer for scaling down", () => {
    fc.assert(
      fc.property(anyPool, (facts) => {
        const { actions, kept } = plan(facts);
        const made = actions.filter(({ kind }) => kind === "createClaim").length;
        const live = facts.claims.filter(
          (one) => isThere(one) && !facts.releasing.includes(one.uid),
        );
        if (live.length <= facts.desired) expect(kept.length + made).toBe(facts.desired);
        expect(made > 0 && kept.length + made > facts.desired).toBe(false);
        const surplus = deletions(facts).filter(({ why }) => why === "surplus").length;
        expect(surplus).toBeLessThanOrEqual(Math.max(0, live.length - facts.desired));
      }),
    );
  });

  it("deletes nothing that is protected, or going already, unless that was begun", () => {
    fc.assert(
      fc.property(anyPool, (facts) => {
        for (const { claim, why } of deletions(facts)) {
          expect(claim.isGoing).toBe(false);
          expect(why === "begun" || !claim.isProtected).toBe(true);
        }
      }),
    );
  });

  it("leaves, in a rollout, as many ready as it may not take", () => {
    fc.assert(
      fc.property(anyPool, (facts) => {
        const { actions } = plan(facts);
        const taken = actions.flatMap((action) =>
          action.kind === "reinstallClaim" ||
          (action.kind === "deleteClaim" && action.why === "outdated")
            ? [action.claim]
            : [],
        );
        if (!taken.some(({ isReady }) => isReady)) return;
        const left = plan(facts).kept.filter((one) => one.isReady && !taken.includes(one)).length;
        expect(left).toBeGreaterThanOrEqual(facts.desired - facts.maxUnavailable);
      }),
    );
  });

  it("gives up the same, and nobody else, once it was written down", () => {
    fc.assert(
      fc.property(anyPool, fc.nat(7), (facts, n) => {
        const { releasing } = plan(facts);
        const changed = facts.claims.map((one, at) =>
          at === n ? { ...one, isReady: false, isNamed: true } : one,
        );
        const later = deletions({ ...facts, claims: changed, releasing });
        const begun = later.filter(({ why }) => why === "begun").map(({ claim }) => claim.uid);
        expect(begun.toSorted()).toEqual([...releasing].toSorted());
        expect(later.some(({ why }) => why === "surplus")).toBe(false);
      }),
    );
  });
});
