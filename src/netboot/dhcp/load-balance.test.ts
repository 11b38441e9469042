import { expect, it } from "vitest";
import { macOf } from "#base/mac.ts";
import { bucketOf } from "./load-balance.ts";

it("spreads clients evenly over the buckets", () => {
  const hits = new Map<number, number>();
  for (let n = 0; n < 65_536; n += 1) {
    const bucket = bucketOf(macOf(Uint8Array.of(0x52, 0x54, 0, 0x88, n >> 8, n)));
    hits.set(bucket, (hits.get(bucket) ?? 0) + 1);
  }
  expect(hits.size).toBe(256); // Pearson's table has each byte once
  expect(Math.max(...hits.values())).toBeLessThan(2 * 256);
});
