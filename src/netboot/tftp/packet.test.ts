import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodePacket, encodePacket, MalformedPacket, type TftpPacket } from "./packet.ts";

const bytes = (hex: string, text = ""): Uint8Array =>
  Uint8Array.from(Buffer.concat([Buffer.from(hex.replaceAll(" ", ""), "hex"), Buffer.from(text)]));

describe("TFTP packets", () => {
  it.each<{ name: string; wire: Uint8Array; packet: TftpPacket }>([
    {
      name: "OVMF's read with its options",
      wire: bytes("0001", "snponly.efi\0octet\0tsize\x000\0blksize\x001468\0windowsize\x004\0"),
      packet: {
        kind: "Read",
        name: "snponly.efi",
        mode: "octet",
        options: new Map([
          ["tsize", "0"],
          ["blksize", "1468"],
          ["windowsize", "4"],
        ]),
      },
    },
    {
      name: "a block",
      wire: bytes("0003 ffff 6162"),
      packet: { kind: "Data", block: 65_535, bytes: bytes("6162") },
    },
    { name: "an acknowledgement", wire: bytes("0004 0100"), packet: { kind: "Ack", block: 256 } },
    {
      name: "OVMF's abort when it has the size",
      wire: bytes("0005 0008", "User aborted\0"),
      packet: { kind: "Error", code: 8, message: "User aborted" },
    },
    {
      name: "an acknowledgement of options",
      wire: bytes("0006", "tsize\x00173792\0"),
      packet: { kind: "OptionAck", options: new Map([["tsize", "173792"]]) },
    },
  ])("read and write $name", ({ wire, packet }) => {
    expect(decodePacket(wire)).toEqual(packet);
    expect(Uint8Array.from(encodePacket(packet))).toEqual(wire);
  });

  it("take names of options and modes in any case (RFC 2347), and padding", () => {
    expect(decodePacket(bytes("0001", "a\0OCTET\0BLKSIZE\x00512\0\0\0\0"))).toEqual({
      kind: "Read",
      name: "a",
      mode: "octet",
      options: new Map([["blksize", "512"]]),
    });
  });

  it.each([
    { what: "nothing", wire: bytes("") },
    { what: "an unknown opcode", wire: bytes("0007 0000") },
    { what: "opcode zero", wire: bytes("0000 0000") },
    { what: "a name without end", wire: bytes("0001", "snponly") },
    { what: "a request without mode", wire: bytes("0001", "snponly.efi\0") },
    { what: "a request without name", wire: bytes("0001", "\0octet\0") },
    { what: "half an option", wire: bytes("0001", "a\0octet\0blksize\0") },
  ])("are refused: $what", ({ wire }) => {
    expect(() => decodePacket(wire)).toThrow(MalformedPacket);
  });

  it("throw nothing but MalformedPacket, whatever comes", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 7 }),
        fc.uint8Array({ maxLength: 40 }),
        (opcode, rest) => {
          try {
            decodePacket(Uint8Array.of(0, opcode, ...rest));
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedPacket);
          }
        },
      ),
    );
  });
});
