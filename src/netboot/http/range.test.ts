import { describe, expect, it } from "vitest";
import { rangeOf } from "./range.ts";

describe("rangeOf (RFC 9110 section 14.1.2), of 100 bytes", () => {
  it.each([
    { header: "bytes=0-9", range: { first: 0, last: 9 } },
    { header: "bytes=90-", range: { first: 90, last: 99 } },
    { header: "bytes=90-1000", range: { first: 90, last: 99 } },
    { header: "bytes=-10", range: { first: 90, last: 99 } },
    { header: "bytes=-1000", range: { first: 0, last: 99 } },
    { header: "bytes=100-", range: "Unsatisfiable" },
    { header: "bytes=-0", range: "Unsatisfiable" },
    { header: "bytes=0-1,5-6", range: null },
    { header: "bytes=9-0", range: null },
    { header: "bytes=-", range: null },
    { header: "lines=0-9", range: null },
    { header: undefined, range: null },
  ])("takes $header for $range", ({ header, range }) => {
    expect(rangeOf(header, 100)).toEqual(range);
  });

  it("finds nothing in an empty file", () => {
    expect(rangeOf("bytes=0-", 0)).toBe("Unsatisfiable");
  });
});
