import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseCidr, parseIpv4 } from "#base/ipv4.ts";
import { clientOf } from "./client.ts";
import { decodePacket, encodePacket, NO_ADDRESS, type Packet } from "./packet.ts";
import { type Context, decide } from "./reply.ts";

const FOLDER = "../shared/data/netboot";
const there = existsSync(FOLDER);
if (!there) process.stderr.write(`firmware.test.ts: no captures in ${FOLDER}, skipped\n`);

/** The DHCP packets of an Ethernet capture (classic pcap, little-endian, IPv4 without options). */
function dhcpOf(name: string): Uint8Array[] {
  const bytes = readFileSync(`${FOLDER}/${name}`);
  const packets: Uint8Array[] = [];
  for (let at = 24; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 8);
    const frame = bytes.subarray(at + 16, at + 16 + length);
    at += 16 + length;
    const port =
      frame.length > 42 && frame.readUInt16BE(12) === 0x0800 ? frame.readUInt16BE(36) : 0;
    if (port === 67 || port === 68) packets.push(new Uint8Array(frame.subarray(42)));
  }
  return packets;
}

const ours = parseIpv4("10.88.0.1") ?? NO_ADDRESS;
const address = parseIpv4("10.88.0.150") ?? NO_ADDRESS;

/** What we answer to a packet of the capture, as the firmware reads it. */
function answer(packet: Packet, port: Context["port"] = "Dhcp"): Packet | string {
  const decision = decide(packet, {
    mode: "Server",
    server: ours,
    subnet: { cidr: parseCidr("10.88.0.0/24") ?? { base: NO_ADDRESS, bits: 0 }, dns: [], ntp: [] },
    known: { address },
    slices: [],
    leaseSeconds: 600,
    boot: { scriptUrl: "http://10.88.0.1/s", filesUrl: "http://10.88.0.1/f/", chain: "Ipxe" },
    first: true,
    client: clientOf(packet, "eth0"),
    port,
    leased: null,
    attempt: 1,
  });
  if (decision.kind === "Drop") return decision.reason;
  return decodePacket(encodePacket(decision.packet, packet.options.maxSize));
}

const bios = { firmware: "BIOS", cpu: "x86", transport: "TFTP" };
const efi = { firmware: "EFI", cpu: "x64", transport: "TFTP" };
const one = "4c4c4544-0000-1000-8000-00000000a001";
const two = "4c4c4544-0000-1000-8000-00000000a002";
const script = "http://10.88.0.1/s";

describe.runIf(there)("packets that real firmware sent", () => {
  it.each([
    { file: "a-seabios.pcap", client: { rom: "iPXE", arch: bios, uuid: one }, bootFile: script },
    {
      file: "b-ovmf-pxe.pcap",
      client: { rom: "PXE", arch: efi, uuid: two },
      bootFile: "snponly.efi",
    },
    {
      file: "c-http.pcap",
      client: { rom: "HTTP", arch: { ...efi, transport: "HTTP" }, uuid: two },
      bootFile: "http://10.88.0.1/f/snponly.efi",
    },
  ])("are understood and answered: $file", ({ file, client, bootFile }) => {
    const packets = dhcpOf(file).map(decodePacket);
    expect(packets.length).toBeGreaterThan(3);
    const [first] = packets;
    if (first === undefined) throw new Error("empty");
    expect(clientOf(first, "eth0")).toMatchObject(client);
    expect(answer(first)).toMatchObject({
      yiaddr: address,
      options: { messageType: "Offer", bootFile },
    });
  });

  it("show iPXE in its second stage", () => {
    const stages = dhcpOf("b-ovmf-pxe.pcap")
      .map(decodePacket)
      .filter(({ op }) => op === "Request");
    expect(stages.map((packet) => clientOf(packet, "eth0").rom)).toEqual([
      "PXE",
      "PXE",
      "iPXE",
      "iPXE",
      "iPXE",
    ]);
  });

  it("are told that the address which dnsmasq gave is not theirs", () => {
    const request = dhcpOf("a-seabios.pcap")
      .map(decodePacket)
      .find(({ options }) => options.messageType === "Request");
    if (request === undefined) throw new Error("no Request");
    expect(answer(request)).toMatchObject({ options: { messageType: "Nak" } });
  });

  it.each(["a-seabios.pcap", "b-ovmf-pxe.pcap", "c-http.pcap"])("survive our codec: %s", (file) => {
    for (const packet of dhcpOf(file).map(decodePacket)) {
      expect(decodePacket(encodePacket(packet, 1_500))).toEqual(packet);
    }
  });
});
