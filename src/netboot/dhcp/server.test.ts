import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#base/clock.ts";
import { type Ipv4, parseCidr, parseIpv4 } from "#base/ipv4.ts";
import type { Log } from "#base/log.ts";
import { parseMac } from "#base/mac.ts";
import type { Site } from "./context.ts";
import { type Lease, Leases } from "./leases.ts";
import { decodePacket, encodePacket, NO_ADDRESS, type Packet } from "./packet.ts";
import { type DhcpDeps, serveDhcp } from "./server.ts";

const ip = (text: string): Ipv4 => parseIpv4(text) ?? NO_ADDRESS;
const loopback = ip("127.0.0.1");
const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const slices = [{ first: ip("10.0.0.10"), last: ip("10.0.0.12"), epoch: 1 }];

const site: Site = {
  mode: "Server",
  server: loopback,
  subnet: { cidr: parseCidr("10.0.0.0/24") ?? { base: NO_ADDRESS, bits: 0 }, dns: [], ntp: [] },
  known: null,
  slices,
  leaseSeconds: 86_400,
  boot: { scriptUrl: "http://10.0.0.1/s", filesUrl: "http://10.0.0.1/", chain: "Ipxe" },
  first: true,
};

/** Asks as a relay on loopback: the answer comes back to giaddr, on the server's own port. */
const discover: Packet = {
  op: "Request",
  hops: 1,
  xid: 1,
  secs: 0,
  broadcast: false,
  ciaddr: NO_ADDRESS,
  yiaddr: NO_ADDRESS,
  siaddr: NO_ADDRESS,
  giaddr: ip("127.0.0.2"),
  mac: parseMac("52:54:00:00:00:01") ?? ("" as never),
  sname: "",
  file: "",
  options: { messageType: "Discover" },
};

describe("serveDhcp", () => {
  let stop: AbortController;
  let relay: Socket;
  let port: number;
  let proxyPort: number;
  let counted: string[];
  let saved: Lease[];
  let deps: DhcpDeps;
  let change: Partial<Site>;

  beforeEach(async () => {
    stop = new AbortController();
    relay = createSocket({ type: "udp4", signal: stop.signal });
    relay.bind(0, "127.0.0.2");
    await once(relay, "listening");
    port = relay.address().port; // free at 127.0.0.1 as well, as good as always
    proxyPort = port === 65_535 ? 1_024 : port + 1;
    counted = [];
    saved = [];
    change = {};
    deps = {
      site: (client) => (client.relay === null ? null : { ...site, ...change }),
      leases: new Leases(),
      leaseFile: {
        append: (lease) => {
          saved.push(lease);
          return Promise.resolve();
        },
      },
      taken: () => Promise.resolve(false),
      count: (event) => counted.push(event),
      clock: systemClock,
      log: silent,
    };
  });
  afterEach(() => stop.abort());

  const serve = () =>
    serveDhcp([{ address: loopback, port, proxyPort, clientPort: port }], deps, stop.signal);

  async function exchange(packet: Packet | Uint8Array, to = port): Promise<Packet> {
    const answered = once(relay, "message");
    relay.send(packet instanceof Uint8Array ? packet : encodePacket(packet), to, "127.0.0.1");
    const [bytes] = await answered;
    return decodePacket(bytes);
  }

  it("gives an unknown client an address, and an Ack once that is on the disk", async () => {
    await serve();
    const offer = await exchange(discover);
    expect(offer).toMatchObject({ yiaddr: "10.0.0.10", options: { messageType: "Offer" } });
    expect(saved).toEqual([]);
    const options = {
      messageType: "Request",
      serverId: loopback,
      requestedAddress: offer.yiaddr,
    } as const;
    const ack = await exchange({ ...discover, options });
    expect(ack).toMatchObject({
      yiaddr: "10.0.0.10",
      options: { messageType: "Ack", leaseSeconds: 3_600 },
    });
    expect(saved).toMatchObject([{ address: "10.0.0.10", mac: discover.mac }]);
    expect(counted).toEqual(["Discover", "Offer", "Request", "Ack"]);
  });

  it("offers the next address when somebody answers for the first", async () => {
    deps = {
      ...deps,
      site: () => site,
      taken: (address) => Promise.resolve(address === "10.0.0.10"),
    };
    await serve();
    const direct = { ...discover, giaddr: NO_ADDRESS, ciaddr: ip("127.0.0.2") };
    expect((await exchange(direct)).yiaddr).toBe("10.0.0.11");
    expect(counted).toContain("Conflict");
  });

  it("does not ask who is there behind a relay, where nobody can hear it", async () => {
    deps = { ...deps, taken: () => Promise.resolve(true) };
    await serve();
    expect((await exchange(discover)).yiaddr).toBe("10.0.0.10");
  });

  it("keeps silent, and counts, when a lease cannot be saved; the next client is served", async () => {
    deps = { ...deps, leaseFile: { append: () => Promise.reject(new Error("disk full")) } };
    await serve();
    const { yiaddr } = await exchange(discover);
    const options = {
      messageType: "Request",
      serverId: loopback,
      requestedAddress: yiaddr,
    } as const;
    relay.send(encodePacket({ ...discover, options }), port, "127.0.0.1");
    const mac = parseMac("52:54:00:00:00:02") ?? discover.mac;
    expect((await exchange({ ...discover, mac })).mac).toBe(mac);
    expect(counted).toContain("LeaseNotSaved");
    expect(counted).not.toContain("Ack");
  });

  it("drops and counts what is malformed, not ours or not a request, and goes on", async () => {
    await serve();
    for (const bad of [
      new Uint8Array(3),
      new Uint8Array(300),
      encodePacket({ ...discover, giaddr: NO_ADDRESS }),
      encodePacket({ ...discover, op: "Reply" }),
    ]) {
      relay.send(bad, port, "127.0.0.1");
    }
    await exchange(discover);
    expect(counted).toEqual([
      "Malformed",
      "Malformed",
      "Discover",
      "UnknownSubnet",
      "NotARequest",
      "Discover",
      "Offer",
    ]);
  });

  it("outlives a bug of its caller, and counts it", async () => {
    let first = true;
    deps = {
      ...deps,
      site: () => {
        if (!first) return site;
        first = false;
        throw new Error("bug");
      },
    };
    await serve();
    relay.send(encodePacket(discover), port, "127.0.0.1");
    await exchange(discover);
    expect(counted).toEqual(["Discover", "Failed", "Discover", "Offer"]);
  });

  it("says when a client took another server's offer", async () => {
    const foreign: Ipv4[] = [];
    deps = { ...deps, foreign: (server) => foreign.push(server) };
    await serve();
    const options = { messageType: "Request", serverId: ip("10.0.0.66") } as const;
    relay.send(encodePacket({ ...discover, options }), port, "127.0.0.1");
    await exchange(discover);
    expect(foreign).toEqual(["10.0.0.66"]);
  });

  it("takes a released address back, and sets a declined one aside", async () => {
    await serve();
    const { yiaddr } = await exchange(discover);
    deps.leases.commit(discover.mac, yiaddr, 3_600_000 as never, systemClock.now());
    const release = { messageType: "Release", serverId: loopback } as const;
    relay.send(encodePacket({ ...discover, ciaddr: yiaddr, options: release }), port, "127.0.0.1");
    const mac = parseMac("52:54:00:00:00:02") ?? discover.mac;
    const wish = { messageType: "Discover", requestedAddress: yiaddr } as const;
    expect((await exchange({ ...discover, mac, options: wish })).yiaddr).toBe(yiaddr);
    const decline = {
      messageType: "Decline",
      serverId: loopback,
      requestedAddress: yiaddr,
    } as const;
    relay.send(encodePacket({ ...discover, mac, options: decline }), port, "127.0.0.1");
    expect((await exchange({ ...discover, mac, options: wish })).yiaddr).not.toBe(yiaddr);
  });

  it("answers a PXE client on its other port", async () => {
    change = { mode: "Proxy", slices: [] };
    await serve();
    const options = {
      messageType: "Request",
      vendorClass: "PXEClient:Arch:00007",
      clientArch: [7],
    } as const;
    const ack = await exchange({ ...discover, options }, proxyPort).catch(() => null);
    expect(ack?.file).toBe("snponly.efi");
  });

  it("answers no more when it has ended", async () => {
    await (await serve())[Symbol.asyncDispose]();
    await serve();
    await exchange(discover);
    expect(counted).toEqual(["Discover", "Offer"]); // once, not twice
  });
});
