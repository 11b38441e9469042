import { describe, expect, it } from "vitest";
import { architectureOf, firstStage } from "./arch.ts";
import { uuidOf } from "./client.ts";

const option97 = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

describe("uuidOf", () => {
  it("swaps the first three fields, as SMBIOS has them", () => {
    expect(uuidOf(option97("0044454c4c00000010800000000000a002"))).toBe(
      "4c4c4544-0000-1000-8000-00000000a002",
    );
  });

  it.each([
    { what: "a placeholder of zeros", hex: "00".repeat(17) },
    { what: "a placeholder of ones", hex: `00${"ff".repeat(16)}` },
    { what: "another type", hex: `01${"12".repeat(16)}` },
    { what: "a short one", hex: `00${"12".repeat(15)}` },
    { what: "an empty one", hex: "" },
  ])("takes $what for none", ({ hex }) => {
    expect(uuidOf(option97(hex))).toBeNull();
  });
});

describe("architectures", () => {
  it.each([
    { what: "BIOS", types: [0], chain: "Ipxe", file: "undionly.kpxe" },
    { what: "x64 UEFI", types: [7], chain: "Ipxe", file: "snponly.efi" },
    { what: "x64 UEFI by its other number", types: [9], chain: "Ipxe", file: "snponly.efi" },
    { what: "x64 UEFI over HTTP", types: [16], chain: "Ipxe", file: "snponly.efi" },
    { what: "x64 UEFI with Secure Boot", types: [7], chain: "Shim", file: "shimx64.efi" },
    { what: "the first that we know", types: [200, 7], chain: "Ipxe", file: "snponly.efi" },
    { what: "arm64", types: [11], chain: "Shim", file: "shimaa64.efi" },
    { what: "arm64 over HTTP", types: [19], chain: "Shim", file: "shimaa64.efi" },
    { what: "BIOS with Secure Boot, which there is not", types: [0], chain: "Shim", file: null },
    { what: "RISC-V", types: [27], chain: "Ipxe", file: null },
  ] as const)("lead to a first stage: $what", ({ types, chain, file }) => {
    const architecture = architectureOf(types);
    expect(architecture && firstStage(architecture, chain)).toBe(file);
  });

  it("are not guessed", () => {
    expect(architectureOf([200])).toBeNull();
    expect(architectureOf([])).toBeNull();
  });
});
