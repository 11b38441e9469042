import { describe, expect, it } from "vitest";
import { encodeAdvertisement, isSolicitation, NOTHING_HERE } from "./message.ts";

const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

describe("router solicitations (RFC 4861 section 4.1)", () => {
  it.each([
    { what: "a plain one", wire: "85 00 1234 00000000", valid: true },
    { what: "iPXE's, with its MAC", wire: "85 00 1234 00000000 0101 525400880002", valid: true },
    { what: "an advertisement", wire: "86 00 1234 00000000", valid: false },
    { what: "another code", wire: "85 01 1234 00000000", valid: false },
    { what: "a short one", wire: "85 00 1234 000000", valid: false },
    { what: "an option of no length", wire: "85 00 1234 00000000 0100 525400880002", valid: false },
    {
      what: "an option that passes the end",
      wire: "85 00 1234 00000000 0102 525400880002",
      valid: false,
    },
    { what: "half an option", wire: "85 00 1234 00000000 01", valid: false },
  ])("are told from other things: $what", ({ wire, valid }) => {
    expect(isSolicitation(bytes(wire))).toBe(valid);
  });
});

describe("router advertisements (section 4.2)", () => {
  it("say that nobody here is a router, and nobody gives addresses", () => {
    expect(encodeAdvertisement(NOTHING_HERE)).toEqual(
      bytes("86 00 0000 00 00 0000 00000000 00000000"),
    );
  });

  it("have each field in its place", () => {
    const all = { lifetimeSeconds: 0x0102, hopLimit: 64, managed: true, otherConfig: true };
    expect(encodeAdvertisement(all)).toEqual(bytes("86 00 0000 40 c0 0102 00000000 00000000"));
  });
});
