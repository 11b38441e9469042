import { describe, expect, it } from "vitest";
import { MAAS, type MaasStatus, wayOf } from "./maas.ts";
import { LIFECYCLE } from "./table.ts";

const PAIRS = Object.entries(MAAS).flatMap(([from, tos]) =>
  tos.map((to) => [from as MaasStatus, to] as const),
);

describe("MAAS's transitions", () => {
  it("are all there", () => {
    expect(PAIRS).toHaveLength(171);
  });

  it.each(PAIRS)(
    "%s to %s: is done here by exits that there are, or not for a reason",
    (from, to) => {
      const way = wayOf(from, to);
      if ("whyNot" in way) return expect(way.whyNot).toMatch(/^[A-Z].{20,}\.$/);
      if ("within" in way) return expect(LIFECYCLE).toHaveProperty(way.within);
      for (const { from: phase, exit } of way.by) expect(LIFECYCLE[phase].exits).toContain(exit);
      expect(way.by.length).toBeLessThanOrEqual(3);
    },
  );

  it.each([
    ["Ready", "Commissioning"],
    ["Ready", "EnteringRescue"],
    ["Allocated", "EnteringRescue"],
    ["Allocated", "Deploying"],
    ["Deployed", "Testing"],
    ["Deployed", "Releasing"],
    ["Broken", "Deployed"],
    ["Retired", "EnteringRescue"],
    ["Commissioning", "Retired"],
  ] as const)("%s to %s is one step here, too", (from, to) => {
    expect(wayOf(from, to)).toHaveProperty("by.length", 1);
  });
});
