import { describe, expect, it } from "vitest";
import type { InventoryDisk } from "#api/machine-inventory.ts";
import { chooseDisk, type Wish } from "./choose.ts";

const GIB = 2 ** 30;

const disk = (name: string, differs: Partial<InventoryDisk> = {}): InventoryDisk => ({
  name,
  sizeBytes: 100 * GIB,
  remote: false,
  blank: true,
  serial: `SN-${name}`,
  ...differs,
});

const wish = (differs: Partial<Wish> = {}): Wish => ({
  hints: {},
  keep: [],
  sizeBytes: 2 * GIB,
  sectorSize: 512,
  ...differs,
});

describe("chooseDisk", () => {
  it.each([
    [
      "the smallest that the image fits on",
      [disk("sda"), disk("sdb", { sizeBytes: 8 * GIB })],
      {},
      "sdb",
    ],
    ["no smaller one", [disk("sda", { sizeBytes: GIB }), disk("sdb")], {}, "sdb"],
    ["the first of equals, as people count", [disk("nvme10n1"), disk("nvme2n1")], {}, "nvme2n1"],
    ["none that is remote", [disk("sda", { remote: true }), disk("sdb")], {}, "sdb"],
    ["none that is read-only", [disk("sda", { readOnly: true }), disk("sdb")], {}, "sdb"],
    ["none that can be taken out", [disk("sda", { removable: true }), disk("sdb")], {}, "sdb"],
    ["none that is kept", [disk("sda"), disk("sdb")], { keep: ["SN-sda"] }, "sdb"],
    [
      "none that is kept by its WWN, however that is written",
      [disk("sda", { wwn: "0x5000C500A1" }), disk("sdb")],
      { keep: ["naa.5000c500a1"] },
      "sdb",
    ],
    [
      "the serial that is named",
      [disk("sda"), disk("sdb")],
      { hints: { serialNumber: "SN-sdb" } },
      "sdb",
    ],
    [
      "the device that is named",
      [disk("sda"), disk("sdb")],
      { hints: { deviceName: "/dev/sdb" } },
      "sdb",
    ],
    [
      "what matches all hints",
      [
        disk("sda", { rotational: true }),
        disk("sdb", { rotational: false }),
        disk("sdc", { rotational: false, sizeBytes: 200 * GIB }),
      ],
      { hints: { rotational: false, minSizeGiB: 150 } },
      "sdc",
    ],
    [
      "one with the image's sectors",
      [disk("sda", { logicalSectorSize: 4_096 }), disk("sdb", { logicalSectorSize: 512 })],
      {},
      "sdb",
    ],
  ] as const)("takes %s", (_, disks, differs, name) => {
    expect(chooseDisk(disks, wish(differs)).name).toBe(name);
  });

  it.each([
    ["RootDeviceNotFound", [disk("sda")], { hints: { model: "X" } }, /"model":"X".*SN-sda/],
    ["RootDeviceNotFound", [], {}, /of 0 disks these may: none/],
    ["DiskTooSmall", [disk("sda", { sizeBytes: GIB })], {}, /takes 2\.0 GiB.*sda \(1\.0 GiB\)/],
    ["SectorSizeMismatch", [disk("sda", { logicalSectorSize: 4_096 })], {}, /512.*sda \(4096\)/],
  ] as const)("ends with %s", (reason, disks, differs, message) => {
    const choose = () => chooseDisk(disks, wish(differs));
    expect(choose).toThrow(message);
    expect(choose).toThrow(expect.objectContaining({ reason }));
  });
});
