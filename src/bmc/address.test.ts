import { describe, expect, it } from "vitest";
import { parseBmcAddress } from "./address.ts";

describe("a BMC address", () => {
  it.each([
    ["redfish://10.0.0.7", { host: "10.0.0.7", port: 443, systemPath: null }],
    ["redfish://10.0.0.7:443", { host: "10.0.0.7", port: 443, systemPath: null }],
    ["redfish://bmc-7.example:8443/", { host: "bmc-7.example", port: 8443, systemPath: null }],
    ["redfish://[fd00::7]:8443", { host: "[fd00::7]", port: 8443, systemPath: null }],
    ["redfish://[fd00::7]", { host: "[fd00::7]", port: 443, systemPath: null }],
    ["redfish://b/redfish/v1/", { host: "b", port: 443, systemPath: null }],
    [
      "redfish://b/redfish/v1/Systems/437XR1138R2/",
      { host: "b", port: 443, systemPath: "/redfish/v1/Systems/437XR1138R2" },
    ],
  ])("is %s", (text, parts) => {
    expect(parseBmcAddress(text)).toStrictEqual({ protocol: "redfish", ...parts });
  });

  it("of IPMI has IPMI's port", () => {
    expect(parseBmcAddress("ipmi://10.0.0.7")).toMatchObject({ protocol: "ipmi", port: 623 });
  });

  it.each([
    "",
    "10.0.0.7",
    "https://10.0.0.7",
    "redfish://",
    "redfish://a b",
    "redfish://root:calvin@10.0.0.7",
    "redfish://10.0.0.7:port",
    "redfish://10.0.0.7:70000",
    "redfish://10.0.0.7/redfish/v1/Chassis/1",
    "redfish://10.0.0.7/redfish/v1/Systems/1?x",
  ])("is not %j", (text) => {
    expect(() => parseBmcAddress(text)).toThrow(
      expect.objectContaining({ reason: "BmcAddressInvalid" }),
    );
  });
});
