import fc from "fast-check";
import { expect, it } from "vitest";
import { fromNumber, toNumber } from "#base/ipv4.ts";
import { macOf } from "#base/mac.ts";
import { ipv4Of, macAt, numberOf, writeMac } from "./address.ts";

it("converts addresses just as base/ does", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (n) => {
      expect(ipv4Of(n)).toBe(fromNumber(n));
      expect(numberOf(ipv4Of(n))).toBe(toNumber(fromNumber(n)));
    }),
  );
});

it("converts MACs just as base/ does, and back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
      const mac = macAt(bytes, 0);
      expect(mac).toBe(macOf(bytes));
      const back = new Uint8Array(6);
      writeMac(back, 0, mac);
      expect(back).toEqual(bytes);
    }),
  );
});
