import { describe, expect, it } from "vitest";
import type { Machine } from "#api/machine.ts";
import { endpoint, MARKS } from "./duplicates.ts";

describe("a BMC's endpoint", () => {
  it.each([
    ["redfish://BMC-7.example:443/", "redfish://bmc-7.example"],
    ["redfish://10.0.0.7:443/redfish/v1/Systems/1", "redfish://10.0.0.7/redfish/v1/systems/1"],
    ["redfish://10.0.0.7:8443", "redfish://10.0.0.7:8443"],
  ])("of %s is %s", (address, same) => {
    expect(endpoint(address)).toBe(same);
  });
});

describe("a machine's addresses", () => {
  it("are still its own when its status is lost and its record is there", () => {
    const record = JSON.stringify({
      epoch: 1,
      addresses: [{ mac: "52:54:00:00:00:01", ip: "10.0.0.7", subnet: "boot" }],
    });
    const metadata = { name: "m", uid: "u", resourceVersion: "1" };
    const annotations = { "steelyard.dev/record": record };
    const machine = { metadata: { ...metadata, annotations }, status: {} } as unknown as Machine;
    expect(MARKS.address.of(machine)).toEqual(["10.0.0.7"]);
  });
});
