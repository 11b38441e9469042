import { describe, expect, it } from "vitest";
import type { InventoryDisk, MachineInventory } from "#api/machine-inventory.ts";
import { inventory } from "#test/fakes/inventory.ts";
import { sumUp } from "./learn.ts";

const GIB = 2 ** 30;

const disk = (rest: Partial<InventoryDisk>): InventoryDisk => ({
  ...{ name: "sda", sizeBytes: 894 * GIB, transport: "sata", rotational: false },
  ...{ remote: false, blank: true },
  ...rest,
});

const hardwareWith = (disks: readonly InventoryDisk[]) =>
  sumUp({ metadata: {}, spec: inventory({ disks: [...disks] }) } as MachineInventory).hardware;

describe("the hardware that placement sees", () => {
  it("names disks by type and size, those that are alike as one, the largest first", () => {
    const hardware = hardwareWith([
      disk({}),
      disk({ sizeBytes: 894 * GIB + 17 }),
      disk({ rotational: true, sizeBytes: 7_452 * GIB }),
      disk({ transport: "nvme" }),
    ]);
    expect(hardware.drives).toEqual([
      { type: "HDD", sizeGiB: 7_452, count: 1 },
      { type: "NVMe", sizeGiB: 894, count: 1 },
      { type: "SSD", sizeGiB: 894, count: 2 },
    ]);
    expect(hardware).toMatchObject({ disks: 4, diskGiB: 7_452 + 3 * 894 });
  });

  it.each([
    { what: "a remote disk", rest: { remote: true } },
    { what: "a removable one", rest: { removable: true } },
  ])("does not count $what: it is not the machine's", ({ rest }) => {
    expect(hardwareWith([disk(rest)])).toMatchObject({ disks: 0, diskGiB: 0, drives: [] });
  });

  it("takes a disk for one that rotates where the kernel does not say", () => {
    const { rotational: _, ...unknown } = disk({});
    expect(hardwareWith([unknown]).drives).toMatchObject([{ type: "HDD" }]);
  });

  it("stays small however many kinds of disks there are", () => {
    const many = Array.from({ length: 100 }, (_, n) => disk({ sizeBytes: (n + 1) * GIB }));
    const { drives = [], disks } = hardwareWith(many);
    expect([drives.length, disks, drives[0]?.sizeGiB]).toEqual([32, 100, 100]);
  });
});
