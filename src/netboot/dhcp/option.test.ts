import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseIpv4 } from "#base/ipv4.ts";
import {
  ipv4,
  ipv4List,
  MalformedOption,
  messageType,
  type OptionCodec,
  text,
  uint8,
  uint16,
  uint16List,
  uint32,
  userClasses,
} from "./option.ts";

const hex = (digits: string): Uint8Array =>
  Uint8Array.from(Buffer.from(digits.replaceAll(" ", ""), "hex"));

interface Case {
  readonly name: string;
  readonly codec: OptionCodec<unknown>;
  readonly bytes: string;
  readonly value: unknown;
}

describe("option codecs", () => {
  it.each<Case>([
    { name: "x64 UEFI (93)", codec: uint16List, bytes: "00 07", value: [7] },
    { name: "BIOS, then x64 HTTP (93)", codec: uint16List, bytes: "00 00 00 10", value: [0, 16] },
    { name: "ten minutes (51)", codec: uint32, bytes: "00 00 02 58", value: 600 },
    { name: "what OVMF takes at most (57)", codec: uint16, bytes: "ff 00", value: 65_280 },
    { name: "an address (54)", codec: ipv4, bytes: "0a 58 00 01", value: "10.88.0.1" },
    {
      name: "two addresses (6)",
      codec: ipv4List,
      bytes: "0a580001 ffffffff",
      value: ["10.88.0.1", "255.255.255.255"],
    },
    { name: "a Discover (53)", codec: messageType, bytes: "01", value: "Discover" },
    { name: "an Inform (53)", codec: messageType, bytes: "08", value: "Inform" },
    { name: "a name (12)", codec: text, bytes: "6e 6f 64 65", value: "node" },
    {
      name: "RFC 3004 classes (77)",
      codec: userClasses,
      bytes: "02 6162 01 63",
      value: ["ab", "c"],
    },
  ])("read and write $name", ({ codec, bytes, value }) => {
    expect(codec.decode(hex(bytes))).toEqual(value);
    expect(Uint8Array.from(codec.encode(value))).toEqual(hex(bytes));
  });

  it("take iPXE's class, which has no length byte, for one class", () => {
    expect(userClasses.decode(hex("69 50 58 45"))).toEqual(["iPXE"]);
  });

  it("cut zeros off the end of a text, as firmware sends them", () => {
    expect(text.decode(hex("61 00 00"))).toBe("a");
  });

  it.each<Pick<Case, "codec" | "bytes"> & { what: string }>([
    { what: "an empty list", codec: uint16List, bytes: "" },
    { what: "half a number", codec: uint16List, bytes: "00 07 00" },
    { what: "a short address", codec: ipv4, bytes: "0a 58 00" },
    { what: "a long lease time", codec: uint32, bytes: "00 00 00 00 00" },
    { what: "no addresses", codec: ipv4List, bytes: "" },
    { what: "an unknown type", codec: messageType, bytes: "0e" },
    { what: "type zero", codec: messageType, bytes: "00" },
    { what: "an empty text", codec: text, bytes: "" },
    { what: "two bytes for one", codec: uint8, bytes: "0101" },
  ])("refuse $what", ({ codec, bytes }) => {
    expect(() => codec.decode(hex(bytes))).toThrow(MalformedOption);
  });

  it("give back any address", () => {
    fc.assert(
      fc.property(fc.ipV4(), (written) => {
        const address = parseIpv4(written);
        expect(address === null ? null : ipv4.decode(ipv4.encode(address))).toBe(address);
      }),
    );
  });
});
