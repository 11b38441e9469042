import { describe, expect, it } from "vitest";
import { negotiate } from "./negotiate.ts";

const terms = (options: Readonly<Record<string, string>>) =>
  negotiate(new Map(Object.entries(options)), 173_792);

describe("negotiate", () => {
  it("does as RFC 1350 says when nothing is asked", () => {
    expect(terms({})).toEqual({ blockSize: 512, windowSize: 1, timeout: 1_000, accepted: null });
  });

  it("agrees to what OVMF asks, and tells the size", () => {
    const { accepted, ...rest } = terms({ tsize: "0", blksize: "1468", windowsize: "4" });
    expect(rest).toEqual({ blockSize: 1_468, windowSize: 4, timeout: 1_000 });
    expect(Object.fromEntries(accepted ?? [])).toEqual({
      tsize: "173792",
      blksize: "1468",
      windowsize: "4",
    });
  });

  it("offers less where more is asked than a frame or a window should hold", () => {
    const { blockSize, windowSize, accepted } = terms({ blksize: "65464", windowsize: "65535" });
    expect({ blockSize, windowSize }).toEqual({ blockSize: 1_468, windowSize: 64 });
    expect(accepted?.get("blksize")).toBe("1468");
  });

  it("takes a timeout as it is, or leaves it", () => {
    expect(terms({ timeout: "5" }).timeout).toBe(5_000);
    expect(terms({ timeout: "256" })).toMatchObject({ timeout: 1_000, accepted: null });
  });

  it.each([
    { blksize: "7" },
    { blksize: "-1" },
    { blksize: "many" },
    { windowsize: "0" },
    { multicast: "" },
  ])("ignores %o", (options) => {
    expect(terms(options)).toMatchObject({ blockSize: 512, windowSize: 1, accepted: null });
  });
});
