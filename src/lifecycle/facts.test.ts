import { describe, expect, it } from "vitest";
import { holding, pending } from "./facts.ts";

const free = { deploy: false, claimRef: null, claim: null, applied: false };
const ref = { uid: "a" };

describe("holding", () => {
  it.each([
    { what: "nobody's", given: free, holder: "none", order: null },
    {
      what: "a claim's",
      given: { ...free, claimRef: ref, claim: { uid: "a", deleting: false } },
      holder: "claim",
      order: null,
    },
    {
      what: "a claim's that is deleted",
      given: { ...free, claimRef: ref, claim: { uid: "a", deleting: true } },
      holder: "claim",
      order: "claimDeleted",
    },
    { what: "a lost claim's", given: { ...free, claimRef: ref }, holder: "unknown", order: null },
    {
      what: "a claim's namesake's",
      given: { ...free, claimRef: ref, claim: { uid: "b", deleting: true } },
      holder: "unknown",
      order: null,
    },
    {
      what: "a claim's that says that it holds another machine",
      given: { ...free, claimRef: ref, claim: { uid: "a", deleting: true, elsewhere: true } },
      holder: "unknown",
      order: null,
    },
    { what: "its spec's", given: { ...free, deploy: true }, holder: "static", order: null },
    {
      what: "its spec's, until what was deployed is erased",
      given: { ...free, applied: true },
      holder: "static",
      order: "deployRemoved",
    },
  ])("is $what", ({ given, holder, order }) => {
    expect(holding(given)).toEqual({ holder, order });
  });
});

describe("pending", () => {
  it("only adopts the nonces of a machine that it sees for the first time", () => {
    expect(pending({ release: "1" }, undefined)).toEqual([]);
  });

  it("asks for what was changed, not for what was taken away", () => {
    expect(pending({ release: "2", retry: "1" }, { release: "1", test: "1" })).toEqual([
      "retry",
      "release",
    ]);
  });
});
