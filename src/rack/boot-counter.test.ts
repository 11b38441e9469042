import { describe, expect, it } from "vitest";
import { BootCounter } from "./boot-counter.ts";

/** Boots at these seconds; how many were counted. */
function counted(...at: readonly number[]): number {
  let now = 0;
  const counter = new BootCounter({ now: () => now });
  for (const second of at) {
    now = second * 1_000;
    counter.booted("t");
  }
  return counter.count("t");
}

describe("boots of a task", () => {
  it("are counted", () => {
    expect(counted(0, 60, 120)).toBe(3);
  });

  it("are one where firmware asks twice for it", () => {
    expect(counted(0, 1, 60, 62)).toBe(2);
  });

  it("are forgotten once the agent gets on", () => {
    const counter = new BootCounter({ now: () => 0 });
    counter.booted("t");
    counter.progressed("t");
    expect(counter.count("t")).toBe(0);
  });
});
