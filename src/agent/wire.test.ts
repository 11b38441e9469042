import { describe, expect, it } from "vitest";
import { rackName, signedText as theirs } from "#api/agent.ts";
import { RACK_DOMAIN, signedText } from "./wire.ts";

describe("the agent's copy of the rack's API", () => {
  it("signs the same text as the rack checks", () => {
    const args = ["POST", "/agent/v1/next?wait=30", "1700000000000", "ab12"] as const;
    expect(signedText(...args)).toBe(theirs(...args));
  });

  it("takes the names that racks have in their certificates", () => {
    expect(rackName("zone-a").endsWith(RACK_DOMAIN)).toBe(true);
  });
});
