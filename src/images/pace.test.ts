import { describe, expect, it } from "vitest";
import { Pace } from "./pace.ts";

const KIB = 1_024;

/** Chunks of so many KiB at these seconds; what was said at the last. */
function last(...chunks: readonly (readonly [second: number, kib: number])[]): number | null {
  const pace = new Pace(0);
  const said = chunks.map(([second, kib]) => pace.tooSlow(kib * KIB, second * 1_000));
  return said.at(-1) ?? null;
}

describe("an upstream", () => {
  it("is too slow below 64 KiB/s over a minute", () => {
    expect(last([30, 60], [60, 60])).toBe(2 * KIB);
    expect(last([60, 64 * 60 - 1])).not.toBeNull();
    expect(last([60, 64 * 60])).toBeNull();
  });

  it("is not judged before a minute is over", () => {
    expect(last([59, 1])).toBeNull();
  });

  it("is judged by each minute for itself: it may have been fast at first", () => {
    expect(last([60, 1_000_000], [119, 1])).toBeNull();
    expect(last([60, 1_000_000], [120, 60])).toBe(KIB);
  });
});
