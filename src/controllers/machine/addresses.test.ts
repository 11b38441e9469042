import { describe, expect, it } from "vitest";
import type { Machine } from "#api/machine.ts";
import type { Subnet, Zone } from "#api/zone.ts";
import { allocate, type Book } from "./addresses.ts";

const metadata = { name: "x", uid: "u", resourceVersion: "1" };

const machine = (...macAddresses: string[]): Machine => ({
  metadata,
  spec: {
    zoneRef: { name: "a" },
    bmc: { address: "redfish://x", credentialsRef: { name: "x" } },
    boot: { macAddresses, mode: "UEFI", method: "Auto" },
    ...{ mode: "Active", paused: false, protected: false },
    ...{ adoption: "Refuse", deletionPolicy: "Orphan" },
  },
});

const zone = (subnet: Partial<Subnet> = {}): Zone => {
  const usual = { name: "boot", cidr: "10.0.0.0/29", dhcp: "Server" } as const;
  const subnets = [{ ...usual, relayed: false, discovery: "Off", ...subnet } as const];
  return { metadata, spec: { subnets, bootTrust: "Network" } };
};

const book = (...taken: string[]): Book => ({
  isTaken: (address) => taken.includes(address),
  take: () => undefined,
  start: () => 0,
});
const MAC = "52:54:00:00:00:01";
const ips = (found: ReturnType<typeof allocate>) => found?.map(({ ip }) => ip) ?? null;

describe("allocate", () => {
  it("gives each boot interface the first address that is nobody's", () => {
    const found = allocate(machine(MAC, "52:54:00:00:00:02"), zone(), [], book("10.0.0.1"));
    expect(ips(found)).toEqual(["10.0.0.2", "10.0.0.3"]);
  });

  it("keeps what a machine has", () => {
    const has = [{ mac: MAC, ip: "10.0.0.5", subnet: "boot" }];
    expect(allocate(machine(MAC), zone(), has, book())).toEqual(has);
  });

  it("leaves out the servers that the subnet names", () => {
    const servers = { gateway: "10.0.0.1", dns: ["10.0.0.2"], ntp: ["10.0.0.3"] };
    expect(ips(allocate(machine(MAC), zone(servers), [], book()))).toEqual(["10.0.0.4"]);
  });

  it("leaves out the gateway, and dynamic and reserved ranges", () => {
    const ranges = {
      dynamic: [{ from: "10.0.0.2", to: "10.0.0.3" }],
      reserved: [{ from: "10.0.0.4", to: "10.0.0.4" }],
    };
    const found = allocate(machine(MAC), zone({ gateway: "10.0.0.1", ranges }), [], book());
    expect(ips(found)).toEqual(["10.0.0.5"]);
  });

  it("says so when the subnet is full", () => {
    const all = [1, 2, 3, 4, 5, 6].map((n) => `10.0.0.${n}`);
    expect(allocate(machine(MAC), zone(), [], book(...all))).toBeNull();
  });

  it("goes round to the front when the search began behind the last free address", () => {
    const late = { ...book("10.0.0.6"), start: () => 5 };
    expect(ips(allocate(machine(MAC), zone(), [], late))).toEqual(["10.0.0.1"]);
  });

  it("gives nothing where the site gives addresses", () => {
    expect(allocate(machine(MAC), zone({ dhcp: "Proxy" }), [], book())).toEqual([]);
  });
});
