import { describe, expect, it } from "vitest";
import type { BootEntry } from "#agent/hardware.ts";
import { labelOf, loadOption, orderBytes, readOrder } from "./load-option.ts";

const ENTRY: BootEntry = {
  label: "os",
  loader: "\\E\\B.EFI",
  partition: {
    number: 15,
    firstSector: 2_048,
    sectors: 131_072,
    guid: "33221100-5544-7766-8899-aabbccddeeff",
  },
};

/** UEFI 2.10 sections 3.1.3, 10.3.5.1, 10.3.5.4 and 10.3.1, by hand. */
const BYTES = [
  "01000000", // active
  "4400", // 68 bytes of path
  "6f0073000000", // "os"
  "04012a00", // hard drive, 42 bytes
  "0f000000", // partition 15
  "0008000000000000", // first sector
  "0000020000000000", // sectors
  "00112233445566778899aabbccddeeff", // as it lies in the partition table
  "0202", // GPT, by GUID
  "04041600", // file path, 22 bytes
  "5c0045005c0042002e004500460049000000",
  "7fff0400",
].join("");

describe("a load option", () => {
  it("is what the UEFI specification lays down", () => {
    const bytes = loadOption(ENTRY).toString("hex");
    expect(bytes.length / 2).toBe(4 + 2 + 6 + loadOption(ENTRY).readUInt16LE(4));
    expect(bytes).toBe(BYTES);
  });

  it("tells its label", () => {
    expect(labelOf(Buffer.from(BYTES, "hex"))).toBe("os");
    expect(labelOf(Buffer.from("01", "hex"))).toBe("");
  });
});

describe("the boot order", () => {
  it("is a list of 16-bit numbers", () => {
    expect(orderBytes([3, 0x1a0]).toString("hex")).toBe("0300a001");
    expect(readOrder(Buffer.from("0300a001", "hex"))).toStrictEqual([3, 0x1a0]);
  });
});
