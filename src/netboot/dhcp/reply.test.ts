import { describe, expect, it } from "vitest";
import { fromNumber, type Ipv4, parseCidr, parseIpv4 } from "#base/ipv4.ts";
import { parseMac } from "#base/mac.ts";
import { clientOf } from "./client.ts";
import { decodePacket, encodePacket, NO_ADDRESS, type Packet } from "./packet.ts";
import { type Context, type Decision, decide, destination } from "./reply.ts";

const ip = (text: string): Ipv4 => parseIpv4(text) ?? NO_ADDRESS;
const ours = ip("10.88.0.1");
const other = ip("10.88.0.2");
const mine = ip("10.88.0.150");
const leased = ip("10.88.0.101");
const UUID = Buffer.from("0044454c4c00000010800000000000a002", "hex");

const discover: Packet = {
  op: "Request",
  hops: 0,
  xid: 7,
  secs: 0,
  broadcast: false,
  ciaddr: NO_ADDRESS,
  yiaddr: NO_ADDRESS,
  siaddr: NO_ADDRESS,
  giaddr: NO_ADDRESS,
  mac: parseMac("52:54:00:88:00:02") ?? ("" as never),
  sname: "",
  file: "",
  options: { messageType: "Discover" },
};

const asking = (options: Packet["options"], change: Partial<Packet> = {}): Packet => ({
  ...discover,
  ...change,
  options: { messageType: "Request", ...options },
});

const ovmf = { vendorClass: "PXEClient:Arch:00007:UNDI:003000", clientArch: [7], clientUuid: UUID };
const httpBoot = { ...ovmf, vendorClass: "HTTPClient:Arch:00016:UNDI:003000", clientArch: [16] };
const ipxe = { ...ovmf, userClasses: ["iPXE"] };

const site: Omit<Context, "client"> = {
  mode: "Server",
  server: ours,
  subnet: {
    cidr: parseCidr("10.88.0.0/24") ?? { base: NO_ADDRESS, bits: 0 },
    gateway: ip("10.88.0.254"),
    dns: [ours],
    ntp: [],
  },
  known: { address: mine, hostname: "node-a" },
  slices: [],
  leaseSeconds: 600,
  boot: { scriptUrl: "http://10.88.0.1/s", filesUrl: "http://10.88.0.1/f/", chain: "Ipxe" },
  first: true,
  port: "Dhcp",
  leased: null,
  attempt: 1,
};

const ask = (packet: Packet, change: Partial<Context> = {}): Decision =>
  decide(packet, { ...site, client: clientOf(packet, "eth0"), ...change });

/** What the client reads: the answer, over the wire. */
function answer(packet: Packet, change: Partial<Context> = {}): Packet {
  const decision = ask(packet, change);
  if (decision.kind === "Drop") throw new Error(`dropped: ${decision.reason}`);
  return decodePacket(encodePacket(decision.packet, packet.options.maxSize));
}

const unknown = { known: null, leased } as const;
const proxy = { mode: "Proxy" } as const;
const pxePort = { port: "Pxe" } as const;

describe("a server of addresses", () => {
  it("offers a known machine its address, and what the subnet says", () => {
    expect(answer(discover)).toMatchObject({
      op: "Reply",
      xid: 7,
      yiaddr: mine,
      options: {
        messageType: "Offer",
        serverId: ours,
        leaseSeconds: 600,
        renewSeconds: 300,
        rebindSeconds: 525,
        subnetMask: "255.255.255.0",
        routers: ["10.88.0.254"],
        dns: [ours],
        hostname: "node-a",
      },
    });
  });

  it("tells only what the client asked for", () => {
    const { options } = answer({
      ...discover,
      options: { ...discover.options, parameters: Uint8Array.of(1, 3) },
    });
    expect(options).not.toHaveProperty("dns");
    expect(options).not.toHaveProperty("hostname");
    expect(options).toHaveProperty("routers");
  });

  it.each([
    { state: "SELECTING", packet: asking({ serverId: ours, requestedAddress: mine }) },
    { state: "INIT-REBOOT", packet: asking({ requestedAddress: mine }) },
    { state: "RENEWING or REBINDING", packet: asking({}, { ciaddr: mine }) },
  ])("acknowledges its own address to a known machine that is $state", ({ packet }) => {
    expect(answer(packet)).toMatchObject({ yiaddr: mine, options: { messageType: "Ack" } });
  });

  it.each([
    { state: "SELECTING", packet: asking({ serverId: ours, requestedAddress: leased }) },
    { state: "INIT-REBOOT", packet: asking({ requestedAddress: leased }) },
  ])("refuses a wrong address to a known machine that is $state", ({ packet }) => {
    expect(answer(packet)).toMatchObject({ yiaddr: NO_ADDRESS, options: { messageType: "Nak" } });
  });

  it.each([
    {
      what: "a known machine that renews a wrong address",
      packet: asking({}, { ciaddr: leased }),
      reason: "NoRecord",
    },
    {
      what: "an unknown one in INIT-REBOOT",
      packet: asking({ requestedAddress: leased }),
      change: { known: null },
      reason: "NoRecord",
    },
    {
      what: "an unknown one in REBINDING",
      packet: asking({}, { ciaddr: leased }),
      change: { known: null },
      reason: "NoRecord",
    },
    {
      what: "an unknown one that wants another address",
      packet: asking({ requestedAddress: mine }),
      change: unknown,
      reason: "NoRecord",
    },
    {
      what: "a Discover when no address is free",
      packet: discover,
      change: { known: null },
      reason: "NoAddress",
    },
    {
      what: "who took another server's offer",
      packet: asking({ serverId: other, requestedAddress: mine }),
      reason: "NotForUs",
    },
    {
      what: "a Request that names no address",
      packet: asking({ serverId: ours }),
      reason: "NoAddress",
    },
    {
      what: "an Inform from a foreign address",
      packet: asking({ messageType: "Inform" }, { ciaddr: ip("10.1.0.1") }),
      reason: "NoAddress",
    },
    {
      what: "a Decline",
      packet: asking({ messageType: "Decline", serverId: ours }),
      reason: "Declined",
    },
    {
      what: "a Release",
      packet: asking({ messageType: "Release", serverId: ours }),
      reason: "Released",
    },
    {
      what: "another server's Release",
      packet: asking({ messageType: "Release", serverId: other }),
      reason: "NotForUs",
    },
    { what: "BOOTP", packet: { ...discover, options: {} }, reason: "NoType" },
    { what: "an Offer", packet: asking({ messageType: "Offer" }), reason: "UnexpectedType" },
    {
      what: "a first Discover while another rack answers first",
      packet: discover,
      change: { first: false },
      reason: "OtherRackFirst",
    },
  ])("is silent to $what", ({ packet, change, reason }) => {
    expect(ask(packet, change)).toEqual({ kind: "Drop", reason });
  });

  it("answers the second Discover when the rack that should be first is not there", () => {
    expect(answer(discover, { first: false, attempt: 2 }).yiaddr).toBe(mine);
  });

  it("wants a dynamic lease on the disk before its Ack, and only then", () => {
    const request = asking({ serverId: ours, requestedAddress: leased });
    expect(ask(request, unknown)).toMatchObject({ kind: "Send", lease: leased });
    expect(ask(discover, unknown)).toMatchObject({ kind: "Send", lease: null });
    expect(ask(asking({ requestedAddress: mine }))).toMatchObject({ kind: "Send", lease: null });
  });

  it("answers an Inform without an address and without a lease", () => {
    const { yiaddr, options } = answer(asking({ messageType: "Inform" }, { ciaddr: mine }));
    expect(yiaddr).toBe(NO_ADDRESS);
    expect(options).toMatchObject({ messageType: "Ack", subnetMask: "255.255.255.0" });
    expect(options).not.toHaveProperty("leaseSeconds");
  });

  it("sends back the client identifier and the relay's option", () => {
    const clientId = Buffer.from("01525400880002", "hex");
    const relayAgent = Buffer.from("010107", "hex");
    const { options } = answer({
      ...discover,
      options: { ...discover.options, clientId, relayAgent },
    });
    expect(Buffer.from(options.clientId ?? [])).toEqual(clientId);
    expect(Buffer.from(options.relayAgent ?? [])).toEqual(relayAgent);
  });
});

const booting = (options: Packet["options"]): Packet => ({
  ...discover,
  options: { ...discover.options, ...options },
});

describe("what to boot", () => {
  it("gives UEFI PXE the first stage, and does not call itself a PXE server beside the address", () => {
    const { siaddr, file, options } = answer(booting(ovmf));
    expect({ siaddr, file, bootFile: options.bootFile }).toEqual({
      siaddr: ours,
      file: "snponly.efi",
      bootFile: "snponly.efi",
    });
    expect(options.vendorClass).toBeUndefined();
  });

  it("gives BIOS PXE another first stage", () => {
    expect(answer(booting({ ...ovmf, clientArch: [0] })).file).toBe("undionly.kpxe");
  });

  it("gives Secure Boot the signed chain", () => {
    const boot = { scriptUrl: "", filesUrl: "http://10.88.0.1/f/", chain: "Shim" } as const;
    expect(answer(booting(ovmf), { boot }).file).toBe("shimx64.efi");
    expect(answer(booting(httpBoot), { boot }).options.bootFile).toBe(
      "http://10.88.0.1/f/shimx64.efi",
    );
    expect(answer(booting({ ...ovmf, clientArch: [0] }), { boot }).file).toBe("");
  });

  it("gives UEFI HTTP boot a URL and the echo of its class", () => {
    expect(answer(booting(httpBoot)).options).toMatchObject({
      vendorClass: "HTTPClient",
      bootFile: "http://10.88.0.1/f/snponly.efi",
    });
  });

  it("gives iPXE its script, and tells it not to wait for a proxy", () => {
    const { file, options } = answer(booting(ipxe));
    expect([file, options.bootFile]).toEqual(["http://10.88.0.1/s", "http://10.88.0.1/s"]);
    expect([...(options.ipxe ?? [])]).toEqual([176, 1, 1]);
  });

  it.each([
    { who: "a machine that may not boot", packet: booting(ovmf), change: { boot: null } },
    { who: "a client that does not ask", packet: discover, change: {} },
    {
      who: "a processor that we have nothing for",
      packet: booting({ ...ovmf, clientArch: [99] }),
      change: {},
    },
  ])("gives $who an address only", ({ packet, change }) => {
    const { yiaddr, siaddr, file, options } = answer(packet, change);
    expect({ yiaddr, siaddr, file }).toEqual({ yiaddr: mine, siaddr: NO_ADDRESS, file: "" });
    expect(options).not.toHaveProperty("bootFile");
  });
});

describe("a proxy beside the site's server", () => {
  it("offers a PXE client something to boot, and no address", () => {
    const { yiaddr, siaddr, file, options } = answer(booting(ovmf), proxy);
    expect({ yiaddr, siaddr, file }).toEqual({
      yiaddr: NO_ADDRESS,
      siaddr: ours,
      file: "snponly.efi",
    });
    expect(options).toMatchObject({ messageType: "Offer", vendorClass: "PXEClient" });
    expect(Buffer.from(options.clientUuid ?? [])).toEqual(UUID);
    expect(options).not.toHaveProperty("leaseSeconds");
    expect(options).not.toHaveProperty("subnetMask");
  });

  it("gives iPXE the script at once, without option 43, which would send it to port 4011", () => {
    const { options } = answer(booting(ipxe), proxy);
    expect(options).toMatchObject({ bootFile: "http://10.88.0.1/s", vendorClass: "PXEClient" });
    expect(options).not.toHaveProperty("vendorOptions");
  });

  it("acknowledges what a client asks on the PXE port", () => {
    const packet = asking(ovmf, { ciaddr: mine });
    expect(answer(packet, { ...proxy, ...pxePort })).toMatchObject({
      ciaddr: mine,
      yiaddr: NO_ADDRESS,
      file: "snponly.efi",
      options: { messageType: "Ack", vendorClass: "PXEClient" },
    });
  });

  it.each([
    { what: "clients that do not boot", packet: discover, reason: "NothingToBoot" },
    {
      what: "machines that it does not know",
      packet: booting(ovmf),
      change: { boot: null },
      reason: "NothingToBoot",
    },
    {
      what: "Requests, which are for the other server",
      packet: asking({ serverId: ours }),
      reason: "NotForUs",
    },
  ])("is silent to $what", ({ packet, change, reason }) => {
    expect(ask(packet, { ...proxy, ...change })).toEqual({ kind: "Drop", reason });
  });
});

describe("destination", () => {
  const to = (packet: Packet, type: "Offer" | "Ack" | "Nak", port: Context["port"] = "Dhcp") =>
    destination(packet, { ...packet, op: "Reply", options: { messageType: type } }, port);
  const relay = fromNumber(0x0a630001);

  it.each([
    {
      who: "a relay",
      got: to({ ...discover, giaddr: relay }, "Offer"),
      want: { kind: "Relay", address: relay },
    },
    {
      who: "a relay, with a Nak",
      got: to({ ...discover, giaddr: relay }, "Nak"),
      want: { kind: "Relay", address: relay },
    },
    {
      who: "a client that has an address",
      got: to(asking({}, { ciaddr: mine }), "Ack"),
      want: { kind: "Client", address: mine },
    },
    {
      who: "a client with a wrong one",
      got: to(asking({}, { ciaddr: mine }), "Nak"),
      want: { kind: "Broadcast" },
    },
    {
      who: "a client that wants broadcasts",
      got: to({ ...discover, broadcast: true }, "Offer"),
      want: { kind: "Broadcast" },
    },
    { who: "a client without an address", got: to(discover, "Offer"), want: { kind: "Broadcast" } },
    {
      who: "who asked on the PXE port",
      got: to(asking({}, { ciaddr: mine }), "Ack", "Pxe"),
      want: { kind: "Source" },
    },
  ])("is right for $who", ({ got, want }) => {
    expect(got).toEqual(want);
  });

  it("sets the broadcast flag of a Nak that goes through a relay", () => {
    const packet = asking({ requestedAddress: leased }, { giaddr: relay });
    expect(answer(packet)).toMatchObject({ broadcast: true, options: { messageType: "Nak" } });
  });
});
