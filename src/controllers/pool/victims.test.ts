import { describe, expect, it } from "vitest";
import { claimFacts } from "#test/fakes/pool-facts.ts";
import { inOrder } from "./victims.ts";

const old = { createdAt: 1 };
const young = { createdAt: 2 };
const names = (claims: readonly { readonly name: string }[]) => claims.map(({ name }) => name);

describe("who is given up first", () => {
  it.each([
    { what: "the newest", policy: "Newest", a: young, b: old },
    { what: "the oldest, where the pool says so", policy: "Oldest", a: old, b: young },
    {
      what: "one without a machine, before a newer one",
      policy: "Newest",
      a: { ...old, holds: "nothing" },
      b: young,
    },
    {
      what: "a stalled one",
      policy: "Newest",
      a: { ...old, isStalled: true, isReady: false },
      b: { ...young, isReady: false },
    },
    { what: "one that is not ready", policy: "Newest", a: { ...old, isReady: false }, b: young },
    {
      what: "one of an earlier template",
      policy: "Newest",
      a: { ...old, change: "deploy" },
      b: young,
    },
    {
      what: "one that somebody named, before one without a machine",
      policy: "Newest",
      a: { ...old, isNamed: true },
      b: { ...young, holds: "nothing" },
    },
    {
      what: "one that is ready before one of whom nothing is known, by age",
      policy: "Newest",
      a: { ...young, isReady: false },
      b: { ...old, isReady: false, holds: "unknown" },
    },
  ] as const)("is $what", ({ policy, a, b }) => {
    const [one, two] = [claimFacts("a", a), claimFacts("b", b)];
    expect(names(inOrder([one, two], policy))).toEqual(["a", "b"]);
    expect(names(inOrder([two, one], policy))).toEqual(["a", "b"]);
  });

  it("is never one that is protected", () => {
    const claims = [claimFacts("a", { isProtected: true }), claimFacts("b")];
    expect(names(inOrder(claims, "Newest"))).toEqual(["b"]);
  });

  it("is by number among those of one second", () => {
    const claims = ["web-9", "web-10", "web-1"].map((name) => claimFacts(name));
    expect(names(inOrder(claims, "Newest"))).toEqual(["web-10", "web-9", "web-1"]);
    expect(names(inOrder(claims, "Oldest"))).toEqual(["web-1", "web-9", "web-10"]);
  });

  it("is the same at random from whatever view", () => {
    const claims = Array.from({ length: 20 }, (_, n) => claimFacts(`web-${n}`, { createdAt: n }));
    const found = names(inOrder(claims, "Random"));
    expect(names(inOrder(claims.toReversed(), "Random"))).toEqual(found);
    expect(found).not.toEqual(names(inOrder(claims, "Newest")));
    expect(found).not.toEqual(names(inOrder(claims, "Oldest")));
  });
});
