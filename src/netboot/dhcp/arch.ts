/** How a client came to ask us for something to boot. */
export type BootRom = "PXE" | "HTTP" | "iPXE";

/** What a processor architecture type of option 93 stands for. */
export interface Architecture {
  readonly firmware: "BIOS" | "EFI";
  readonly cpu: "x86" | "x64" | "arm32" | "arm64" | "riscv64";
  /** How this firmware fetches its first stage. */
  readonly transport: "TFTP" | "HTTP";
}

const bios: Architecture = { firmware: "BIOS", cpu: "x86", transport: "TFTP" };
const efi = (cpu: Architecture["cpu"], transport: Architecture["transport"]): Architecture => ({
  firmware: "EFI",
  cpu,
  transport,
});

/** IANA "Processor Architecture Types" (RFC 5970 section 3.3), as far as there are machines. */
const ARCHITECTURES: Readonly<Record<number, Architecture>> = {
  0: bios,
  6: efi("x86", "TFTP"),
  7: efi("x64", "TFTP"), // registered as EFI BC; every x64 UEFI sends it
  9: efi("x64", "TFTP"),
  10: efi("arm32", "TFTP"),
  11: efi("arm64", "TFTP"),
  15: efi("x86", "HTTP"),
  16: efi("x64", "HTTP"),
  18: efi("arm32", "HTTP"),
  19: efi("arm64", "HTTP"),
  20: { ...bios, transport: "HTTP" },
  27: efi("riscv64", "TFTP"),
  28: efi("riscv64", "HTTP"),
};

/** The first type in the list that we know: clients put the one they prefer first. */
export function architectureOf(types: readonly number[]): Architecture | null {
  for (const type of types) {
    const found = ARCHITECTURES[type];
    if (found !== undefined) return found;
  }
  return null;
}

/** `Ipxe`: an iPXE built without signatures. `Shim`: the chain that Secure Boot accepts. */
export type Chain = "Ipxe" | "Shim";

type FirstStages = Readonly<Partial<Record<Architecture["cpu"], string>>>;

const EFI_FILES: Readonly<Record<Chain, FirstStages>> = {
  Ipxe: { x64: "snponly.efi", arm64: "snponly-arm64.efi" },
  Shim: { x64: "shimx64.efi", arm64: "shimaa64.efi" },
};

/** The name of the file that such a machine is to load first; `null`: we have none for it. */
export function firstStage({ firmware, cpu }: Architecture, chain: Chain): string | null {
  if (firmware === "BIOS") return chain === "Ipxe" ? "undionly.kpxe" : null;
  return EFI_FILES[chain][cpu] ?? null;
}
