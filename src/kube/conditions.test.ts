import { describe, expect, it } from "vitest";
import { type Condition, isTrue, setConditions, standing } from "./conditions.ts";

const then = "2026-01-01T00:00:00Z";
const now = Date.parse("2026-01-01T00:05:00.678Z");

const ready: Condition = {
  type: "Ready",
  status: "False",
  reason: "Deploying",
  message: "writing",
  observedGeneration: 1,
  lastTransitionTime: then,
};
const stalled: Condition = { ...ready, type: "Stalled" };

const wish = (changes: Partial<Condition>) => {
  const { lastTransitionTime: _, ...rest } = { ...ready, ...changes };
  return rest;
};

describe("setConditions", () => {
  it("gives a new condition the time of now, in whole seconds", () => {
    expect(setConditions(undefined, [wish({})], now)).toEqual([
      { ...ready, lastTransitionTime: "2026-01-01T00:05:00Z" },
    ]);
  });

  it("moves the time when the status changes", () => {
    const [after] = setConditions([ready], [wish({ status: "True", reason: "Deployed" })], now);
    expect(after).toMatchObject({ status: "True", lastTransitionTime: "2026-01-01T00:05:00Z" });
  });

  it("keeps the time when only reason, message or generation change", () => {
    const changes = { reason: "Erasing", message: "half done", observedGeneration: 2 };
    const [after] = setConditions([ready], [wish(changes)], now);
    expect(after).toEqual({ ...ready, ...changes });
  });

  it("keeps places, and conditions that it was not told of", () => {
    const after = setConditions([stalled, ready], [wish({ message: "on" })], now);
    expect(after.map(({ type }) => type)).toEqual(["Stalled", "Ready"]);
    expect(after[0]).toBe(stalled);
  });

  it("leaves the list that it was given as it was", () => {
    const before = Object.freeze([ready]);
    setConditions(before, [wish({ status: "True" })], now);
    expect(isTrue(before, "Ready")).toBe(false);
  });
});

describe("how an object stands", () => {
  it("is said in three conditions with one reason, and where it holds with the message", () => {
    const wishes = standing({ stalled: true, reason: "NoZone", message: "Apply it." });
    expect(wishes).toEqual([
      { type: "Ready", status: "False", reason: "NoZone", message: "Apply it." },
      { type: "Reconciling", status: "False", reason: "NoZone", message: "" },
      { type: "Stalled", status: "True", reason: "NoZone", message: "Apply it." },
    ]);
  });

  it("is said in as many letters as a condition may have", () => {
    const [ready] = standing({ ready: true, reason: "Bound", message: "x".repeat(2_000) });
    expect(ready?.message).toHaveLength(1_024);
  });
});
