import { describe, expect, it } from "vitest";
import type { Zone } from "#api/zone.ts";
import type { Ipv4 } from "#base/ipv4.ts";
import type { Mac } from "#base/mac.ts";
import { ObjectCache } from "#kube/cache.ts";
import { architectureOf } from "#netboot/dhcp/arch.ts";
import type { Client } from "#netboot/dhcp/context.ts";
import { MAC, machine, type task } from "#test/fakes/rack-objects.ts";
import { siteFor } from "./site.ts";
import { createImageCache, createMachineCache, createTaskCache } from "./view.ts";

type ZoneSubnet = NonNullable<Zone["spec"]["subnets"]>[number];

const UUID = "4c4c4544-0000-1000-8000-00000000a002";
const client = (difference: Partial<Client> = {}): Client => ({
  mac: MAC as Mac,
  uuid: UUID,
  rom: "PXE",
  arch: architectureOf([7]),
  relay: null,
  device: "eth1",
  ...difference,
});
const subnet = (difference: Partial<ZoneSubnet> = {}): ZoneSubnet => ({
  name: "prov",
  cidr: "10.20.0.0/24",
  gateway: "10.20.0.1",
  dns: ["10.20.0.2"],
  ranges: { dynamic: [{ from: "10.20.0.100", to: "10.20.0.110" }] },
  dhcp: "Server",
  relayed: false,
  discovery: "Off",
  ...difference,
});

interface World {
  readonly subnets?: readonly ZoneSubnet[];
  readonly machines?: readonly ReturnType<typeof machine>[];
  readonly tasks?: readonly ReturnType<typeof task>[];
  readonly synced?: boolean;
}

function ask(from: Client, world: World = {}) {
  const { subnets = [subnet()], machines = [known], tasks = [], synced = true } = world;
  const caches = {
    machines: createMachineCache(),
    tasks: createTaskCache(),
    zones: new ObjectCache<Zone>(),
    images: createImageCache(),
  };
  const fill = <T extends object>(
    cache: { relist(v: string): { page(i: readonly T[]): void; end(): void } },
    items: readonly T[],
  ) => {
    const list = cache.relist("1");
    list.page(items);
    list.end();
  };
  const zone = {
    metadata: { name: "a", uid: "z", resourceVersion: "1" },
    spec: { bootTrust: "Network", subnets: [...subnets] },
  } satisfies Zone;
  fill(caches.zones, [zone]);
  if (synced) fill(caches.machines, machines);
  if (synced) fill(caches.tasks, tasks);
  const unknown: string[] = [];
  const site = siteFor(from, {
    zone: "a",
    view: caches,
    endpoints: [{ address: "10.20.0.7" as Ipv4, device: "eth1", httpPort: 8_080, apiPort: 8_443 }],
    isDynamic: () => true,
    count: () => {},
    onUnknown: (mac) => unknown.push(mac),
  });
  return { site, unknown };
}

const known = machine({
  status: { boot: "Hold", addresses: [{ mac: MAC, ip: "10.20.0.9", subnet: "prov" }] },
});

describe("a DHCP client", () => {
  it("that is known gets its address, and a script that names it", () => {
    expect(ask(client()).site).toEqual({
      mode: "Server",
      server: "10.20.0.7",
      subnet: {
        cidr: { base: "10.20.0.0", bits: 24 },
        gateway: "10.20.0.1",
        dns: ["10.20.0.2"],
        ntp: [],
      },
      known: { address: "10.20.0.9", hostname: "m1" },
      slices: [{ first: "10.20.0.100", last: "10.20.0.110", epoch: 1 }],
      leaseSeconds: 86_400,
      boot: {
        scriptUrl: `http://10.20.0.7:8080/boot?mac=${MAC}&arch=amd64&uuid=${UUID}`,
        filesUrl: "http://10.20.0.7:8080/files/",
        chain: "Ipxe",
      },
      first: true,
    });
  });

  it("whose system is deployed boots from us, too: our script is faster than its firmware", () => {
    const deployed = machine({ status: { ...known.status, boot: "Local" } });
    expect(ask(client(), { machines: [deployed] }).site?.boot).not.toBeNull();
  });

  it("that is unknown gets an address, nothing to boot, and is remembered", () => {
    const { site, unknown } = ask(client({ mac: "52:54:00:ff:ff:ff" as Mac }));
    expect(site).toMatchObject({ known: null, boot: null, slices: [{}] });
    expect(unknown).toEqual(["52:54:00:ff:ff:ff"]);
  });

  it.each([
    { title: "the site's server gives the addresses", subnets: [subnet({ dhcp: "Proxy" })] },
    { title: "we give them", subnets: [subnet()] },
  ])("that is unknown gets nothing to boot where $title", ({ subnets }) => {
    const stranger = client({ mac: "52:54:00:ff:ff:ff" as Mac });
    expect(ask(stranger, { subnets }).site).toMatchObject({ boot: null });
  });

  it("that is unknown gets the agent where discovery is on", () => {
    const stranger = client({ mac: "52:54:00:ff:ff:ff" as Mac });
    const { site } = ask(stranger, { subnets: [subnet({ discovery: "Manual" })] });
    expect(site?.boot).not.toBeNull();
  });

  it("that two Machines name is given neither's address", () => {
    const machines = [
      known,
      machine({ name: "m2", uid: "bbbbbbbb-0", status: known.status ?? {} }),
    ];
    expect(ask(client(), { machines }).site?.known).toBeNull();
  });

  it("that is to boot by Secure Boot gets the signed chain", () => {
    const secure = {
      ...known,
      spec: { ...known.spec, boot: { ...known.spec.boot, mode: "UEFISecureBoot" as const } },
    };
    expect(ask(client(), { machines: [secure] }).site?.boot?.chain).toBe("Shim");
  });

  it("of the arm64 kind is told so in its script's URL", () => {
    const { site } = ask(client({ arch: architectureOf([11]) }));
    expect(site?.boot?.scriptUrl).toContain("arch=arm64");
  });

  it.each<{ title: string; client?: Partial<Client>; world?: World }>([
    { title: "where DHCP is off", world: { subnets: [subnet({ dhcp: "Off" })] } },
    { title: "on a device that is not ours", client: { device: "eth9" } },
    { title: "in a subnet that is not the zone's", world: { subnets: [] } },
    { title: "through a relay where none is meant to be", client: { relay: "10.20.0.1" as Ipv4 } },
  ])("is left alone $title", ({ client: difference, world }) => {
    expect(ask(client(difference), world).site).toBeNull();
  });

  it("is served through a relay in the subnet that the relay stands in", () => {
    const far = subnet({ name: "far", cidr: "10.30.0.0/24", relayed: true });
    const { site } = ask(client({ relay: "10.30.0.1" as Ipv4 }), { subnets: [subnet(), far] });
    expect(site).toMatchObject({ subnet: { cidr: { base: "10.30.0.0" } }, known: null });
  });

  it("hears nothing while the rack knows nothing yet: with an address alone it would boot its disk", () => {
    expect(ask(client(), { synced: false })).toEqual({ site: null, unknown: [] });
  });
});
