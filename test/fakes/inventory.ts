import type { Inventory } from "#api/machine-inventory.ts";

/** A small server with one disk. */
export const inventory = (difference: Partial<Inventory> = {}): Inventory => ({
  collectedAt: "2026-01-01T00:00:00Z",
  architecture: "amd64",
  firmware: "UEFI",
  system: { product: "PowerEdge" },
  cpu: { threads: 8 },
  memory: { totalMiB: 16_384 },
  disks: [{ name: "sda", sizeBytes: 1e12, remote: false, blank: true, serial: "D1" }],
  nics: [{ name: "eth0", mac: "52:54:00:00:00:01" }],
  ...difference,
});
