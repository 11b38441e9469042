import { describe, expect, it } from "vitest";
import type { Mac } from "#base/mac.ts";
import { Looks } from "./looks.ts";

const MAC = "52:54:00:ff:ff:ff" as Mac;
const HOUR = 3_600_000;

describe("a stranger that was given the agent", () => {
  it.each([
    {
      title: "is given it again where its firmware asks twice for one boot",
      after: 4_999,
      is: false,
    },
    { title: "is left alone at its next boot", after: 60_000, is: true },
    { title: "may be looked at again the next day", after: 24 * HOUR, is: false },
  ])("$title", ({ after, is }) => {
    const looks = new Looks();
    expect(looks.has(MAC, 0)).toBe(false);
    looks.given(MAC, 0);
    expect(looks.has(MAC, after)).toBe(is);
  });
});
