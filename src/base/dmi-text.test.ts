import { describe, expect, it } from "vitest";
import { dmiText } from "./dmi-text.ts";

describe("a text of the firmware", () => {
  it.each(["CZ3504X1YN", "7", "SN-1", "ProLiant DL360 Gen11"])("may be %j", (text) => {
    expect(dmiText(` ${text} `)).toBe(text);
  });

  it.each(["", "  ", "To be filled by O.E.M.", "Default string", "0000000000", "......", null])(
    "says nothing as %j",
    (text) => {
      expect(dmiText(text)).toBeNull();
    },
  );
});
