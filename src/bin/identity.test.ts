import { hostname } from "node:os";
import { expect, it } from "vitest";
import { newIdentity } from "./identity.ts";

it("names the host, and a process of the same number otherwise", () => {
  const names = [newIdentity(), newIdentity()];
  expect(new Set(names).size).toBe(2);
  for (const name of names) {
    expect(name.startsWith(`${hostname()}-`)).toBe(true);
    expect(name).toMatch(/-[0-9a-f]{10}$/);
  }
});
