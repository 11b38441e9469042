import { describe, expect, it } from "vitest";
import type { Zone } from "#api/zone.ts";
import { zoneStatus } from "./reconcile.ts";

const zone: Zone = {
  metadata: { name: "a", uid: "u", resourceVersion: "1", generation: 3 },
  spec: { bootTrust: "Network" },
};
const ready = (status: ReturnType<typeof zoneStatus>) => status.conditions?.[0];

describe("a zone's status", () => {
  it("is ready while a rack is alive", () => {
    expect(ready(zoneStatus(zone, [], 1, 0))).toMatchObject({
      status: "True",
      reason: "RacksReady",
    });
  });

  it("says what to do when none is", () => {
    const found = ready(zoneStatus(zone, [], 0, 0));
    expect(found).toMatchObject({ status: "False", reason: "NoRack" });
    expect(found?.message).toContain("label a node");
  });

  it("changes nothing by itself as time passes", () => {
    const first = zoneStatus(zone, [], 1, 0);
    expect(zoneStatus({ ...zone, status: first }, [], 1, 60_000)).toEqual(first);
  });
});
