import { describe, expect, it } from "vitest";
import { endpoint } from "./duplicates.ts";

describe("a BMC's endpoint", () => {
  it.each([
    ["redfish://BMC-7.example:443/", "redfish://bmc-7.example"],
    ["redfish://10.0.0.7:443/redfish/v1/Systems/1", "redfish://10.0.0.7/redfish/v1/systems/1"],
    ["redfish://10.0.0.7:8443", "redfish://10.0.0.7:8443"],
  ])("of %s is %s", (address, same) => {
    expect(endpoint(address)).toBe(same);
  });
});
