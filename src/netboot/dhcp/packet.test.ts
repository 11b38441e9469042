import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromNumber } from "#base/ipv4.ts";
import { macOf } from "#base/mac.ts";
import { decodePacket, encodePacket, MalformedPacket, NO_ADDRESS, type Packet } from "./packet.ts";

/** A Discover by hand: the fixed fields of RFC 2131 figure 1, the cookie, then `options`. */
function bytesOf(options: string, change: (bytes: Uint8Array) => void = () => {}): Uint8Array {
  const bytes = new Uint8Array(240 + options.replaceAll(" ", "").length / 2);
  bytes.set(Buffer.from("010106000badcafe0004800000000000", "hex"));
  bytes.set(Buffer.from("525400880002", "hex"), 28);
  bytes.set(Buffer.from(`63825363${options.replaceAll(" ", "")}`, "hex"), 236);
  change(bytes);
  return bytes;
}

const plain: Packet = {
  op: "Reply",
  hops: 0,
  xid: 0x0badcafe,
  secs: 0,
  broadcast: false,
  ciaddr: NO_ADDRESS,
  yiaddr: fromNumber(0x0a580096),
  siaddr: fromNumber(0x0a580001),
  giaddr: NO_ADDRESS,
  mac: macOf(Uint8Array.of(0x52, 0x54, 0, 0x88, 0, 2)),
  sname: "",
  file: "",
  options: { messageType: "Offer" },
};

describe("decodePacket", () => {
  it("reads the fixed fields", () => {
    expect(decodePacket(bytesOf("350101 ff"))).toMatchObject({
      op: "Request",
      xid: 0x0badcafe,
      secs: 4,
      broadcast: true,
      mac: "52:54:00:88:00:02",
      options: { messageType: "Discover" },
    });
  });

  it("joins an option that comes in parts (RFC 3396)", () => {
    const { options } = decodePacket(bytesOf("350101 0c02 6e6f 00 0c02 6465 ff"));
    expect(options.hostname).toBe("node");
  });

  it("reads options out of file and sname (option 52), in this order", () => {
    const packet = decodePacket(
      bytesOf("350101 0c016e 340103 ff", (bytes) => {
        bytes.set(Buffer.from("0c016fff", "hex"), 108);
        bytes.set(Buffer.from("0c0164ff", "hex"), 44);
      }),
    );
    expect(packet.options.hostname).toBe("nod");
    expect([packet.file, packet.sname]).toEqual(["", ""]);
  });

  it("does without an end mark where the packet ends", () => {
    expect(decodePacket(bytesOf("350101")).options.messageType).toBe("Discover");
  });

  it("ignores what it does not know", () => {
    expect(decodePacket(bytesOf("fa020102 350101 ff")).options).toEqual({
      messageType: "Discover",
    });
  });

  it.each([
    { what: "a short packet", bytes: bytesOf("").subarray(0, 239) },
    { what: "no cookie", bytes: bytesOf("350101ff", (b) => b.fill(0, 236, 240)) },
    { what: "a strange op", bytes: bytesOf("350101ff", (b) => b.fill(3, 0, 1)) },
    { what: "InfiniBand", bytes: bytesOf("350101ff", (b) => b.set([32, 0], 1)) },
    { what: "an option that passes the end", bytes: bytesOf("3504 01") },
    { what: "an option without length", bytes: bytesOf("35") },
    { what: "a malformed option", bytes: bytesOf("3502 0101 ff") },
  ])("refuses $what", ({ bytes }) => {
    expect(() => decodePacket(bytes)).toThrow(MalformedPacket);
  });

  it("throws nothing but MalformedPacket, whatever comes", () => {
    const tail = fc.uint8Array({ maxLength: 64 });
    fc.assert(
      fc.property(tail, fc.uint8Array({ maxLength: 300 }), (options, noise) => {
        for (const bytes of [bytesOf(Buffer.from(options).toString("hex")), noise]) {
          try {
            decodePacket(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedPacket);
          }
        }
      }),
    );
  });
});

describe("encodePacket", () => {
  it("writes at least 300 bytes, with cookie and end mark", () => {
    const bytes = encodePacket(plain);
    expect(bytes).toHaveLength(300);
    expect(Buffer.from(bytes.subarray(236, 244)).toString("hex")).toBe("63825363350102ff");
  });

  it("gives back what it was given", () => {
    const name = fc.stringMatching(/^[a-z0-9.-]{1,40}$/);
    fc.assert(
      fc.property(
        fc.record({
          xid: fc.nat(),
          broadcast: fc.boolean(),
          yiaddr: fc.nat().map(fromNumber),
          file: fc.option(name, { nil: "" }),
          options: fc.record(
            {
              messageType: fc.constantFrom("Offer" as const, "Ack" as const),
              leaseSeconds: fc.nat(),
              dns: fc.array(fc.nat().map(fromNumber), { minLength: 1, maxLength: 3 }),
              hostname: name,
              bootFile: fc.stringMatching(/^[a-z/:.]{1,400}$/),
            },
            { requiredKeys: ["messageType"] },
          ),
        }),
        (part) => {
          const packet: Packet = { ...plain, ...part };
          expect(decodePacket(encodePacket(packet, 1_500))).toEqual(packet);
        },
      ),
    );
  });

  it("puts the relay's option last (RFC 3046 section 2.2)", () => {
    const relayAgent = Uint8Array.of(1, 1, 7);
    const bytes = encodePacket({
      ...plain,
      options: { relayAgent, messageType: "Ack", mtu: 9_000 },
    });
    expect(Buffer.from(bytes.subarray(240, 254)).toString("hex")).toBe(
      "350105" + "1a022328" + "5203010107" + "ff00",
    );
  });

  it("moves what does not fit into file and sname, and says so", () => {
    const long = "x".repeat(200);
    const options = {
      messageType: "Ack" as const,
      bootFile: long,
      domain: "d".repeat(120),
      message: "m".repeat(50),
    };
    const bytes = encodePacket({ ...plain, options }, 576);
    expect(bytes.length).toBeLessThanOrEqual(548);
    expect(decodePacket(bytes).options).toEqual(options);
    expect(bytes[108]).toBe(15); // the domain begins the file field
  });

  it("leaves out what fits nowhere, but never the relay's option", () => {
    const options = {
      messageType: "Ack" as const,
      bootFile: "x".repeat(300),
      message: "m".repeat(200),
      relayAgent: new Uint8Array(60),
    };
    const bytes = encodePacket({ ...plain, file: "f", sname: "s", options }, 576);
    expect(bytes.length).toBeLessThanOrEqual(548);
    const read = decodePacket(bytes).options;
    expect(read.message).toBe(options.message);
    expect(read.bootFile).toBeUndefined();
    expect(read.relayAgent).toEqual(options.relayAgent);
  });

  it("never passes what the client takes, nor what a frame holds", () => {
    const options = { messageType: "Ack" as const, bootFile: "x".repeat(1_600) };
    for (const size of [0, 576, 1_500, 65_280]) {
      const limit = Math.min(Math.max(size, 576), 1_500) - 28;
      expect(encodePacket({ ...plain, options }, size).length).toBeLessThanOrEqual(limit);
    }
  });
});
