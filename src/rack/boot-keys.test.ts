import { describe, expect, it } from "vitest";
import { BootKeys } from "./boot-keys.ts";

const boot = (nonce: string, expires = 1_000) => ({ nonce, expires });

describe("a boot's token", () => {
  it("is the first agent's, however often that shows it, and no other's", () => {
    const keys = new BootKeys({ now: () => 0 });
    const shown = ["a", "b", "a"].map((agent) => keys.isFirst(boot("n1"), agent));
    expect(shown).toEqual([true, false, true]);
    expect(keys.isFirst(boot("n2"), "b")).toBe(true);
  });

  it("is forgotten no sooner than it has run out", () => {
    let now = 0;
    const keys = new BootKeys({ now: () => now });
    keys.isFirst(boot("n1"), "a");
    now = 999;
    keys.isFirst(boot("n2", 2_000), "a");
    expect(keys.isFirst(boot("n1"), "b")).toBe(false);
    now = 1_000;
    keys.isFirst(boot("n3", 2_000), "a");
    expect(keys.isFirst(boot("n1"), "b")).toBe(true);
    expect(keys.isFirst(boot("n2"), "b")).toBe(false);
  });
});
