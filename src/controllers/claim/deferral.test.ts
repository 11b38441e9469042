import { describe, expect, it } from "vitest";
import { seconds } from "#base/duration.ts";
import { FakeClock } from "#test/fakes/clock.ts";
import { Deferral, LONGEST } from "./deferral.ts";

describe("a machine that was bound just now", () => {
  it("waits while others are being bound, and no longer", () => {
    const deferral = new Deferral(new FakeClock().monotonic);
    expect(deferral.isDue("lab/m1", true)).toBe(true);
    expect(deferral.isDue("lab/m1", false)).toBe(false);
  });

  it("has its turn after a while, though the others never end", async () => {
    const clock = new FakeClock();
    const deferral = new Deferral(clock.monotonic);
    let waited = 0;
    while (waited < 60 && deferral.isDue("lab/m1", true)) {
      await clock.advance(seconds(0.5));
      waited += 0.5;
    }
    expect(waited).toBe(LONGEST / 1_000);
    expect(deferral.isDue("lab/m1", true)).toBe(false);
    expect(deferral.isDue("lab/m2", true)).toBe(true);
  });

  it("may wait again the next time", async () => {
    const clock = new FakeClock();
    const deferral = new Deferral(clock.monotonic);
    deferral.isDue("lab/m1", true);
    await clock.advance(LONGEST);
    deferral.isDue("lab/m1", false);
    expect(deferral.isDue("lab/m1", true)).toBe(true);
  });
});
