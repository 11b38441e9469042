import { describe, expect, it } from "vitest";
import { parseLsblk } from "./disk.ts";
import { filled } from "./dmi.ts";
import { isGpu, parseLspci } from "./pci.ts";
import { parseSmartctl } from "./smart.ts";

const lsblk = (...blockdevices: readonly object[]) => JSON.stringify({ blockdevices });

describe("parseLsblk", () => {
  it.each([
    ["a Fibre Channel LUN", { name: "sda", tran: "fc" }, true],
    ["an iSCSI LUN", { name: "sda", tran: "iscsi" }, true],
    ["a network block device", { name: "nbd0" }, true],
    ["NVMe over TCP", { name: "nvme1n1", tran: "nvme" }, true],
    ["NVMe over Fibre Channel", { name: "nvme2n1", tran: "nvme" }, true],
    ["NVMe on the bus", { name: "nvme0n1", tran: "nvme" }, false],
    ["SAS", { name: "sda", tran: "sas" }, false],
    ["virtio", { name: "vda" }, false],
  ])("knows whether it is remote: %s", (_, row, remote) => {
    const reached: Record<string, string> = { nvme0n1: "pcie", nvme1n1: "tcp", nvme2n1: "fc" };
    const [disk] = parseLsblk(lsblk({ type: "disk", size: 1, ...row }), (name) => reached[name]);
    expect(disk?.remote).toBe(remote);
  });

  it("says what lies on a disk, and that there is nothing", () => {
    const children = [{ fstype: "vfat" }, { fstype: "LVM2_member", children: [{ fstype: "xfs" }] }];
    const disks = parseLsblk(
      lsblk(
        { name: "sda", type: "disk", size: 1, pttype: "gpt", children },
        { name: "sdb", type: "disk", size: "1", rota: "1", ro: "0" },
      ),
    );
    expect(disks).toStrictEqual([
      {
        name: "sda",
        sizeBytes: 1,
        remote: false,
        blank: false,
        content: "gpt, vfat, LVM2_member, xfs",
      },
      { name: "sdb", sizeBytes: 1, rotational: true, remote: false, readOnly: false, blank: true },
    ]);
  });
});

describe("filled", () => {
  it.each([
    "To Be Filled By O.E.M.",
    "Not Specified",
    "Default string",
    "0123456789",
    "--",
    "  ",
    "0x00000000",
    "None",
  ])("takes %j for not filled in", (text) => expect(filled(text)).toBeUndefined());
  it.each(["2RJF153", "4242", "S212101X7A18218", "0000A1"])("believes %j", (text) => {
    expect(filled(text)).toBe(text);
  });
});

describe("parseLspci", () => {
  it("finds GPUs, drivers and domains", () => {
    const text = [
      "Slot:\t0001:00:00.0\nClass:\t3D controller [0302]\nVendor:\tNVIDIA Corporation [10de]\nDevice:\tGA100 [A100 SXM4 80GB] [20b2]\nDriver:\tnvidia",
      "Slot:\t02:00.0\nClass:\tVGA compatible controller [0300]\nVendor:\tASPEED Technology, Inc. [1a03]\nDevice:\tASPEED Graphics Family [2000]",
    ].join("\n\n");
    const devices = parseLspci(text);
    expect(devices.map(({ address, device, driver }) => [address, device, driver])).toStrictEqual([
      ["0001:00:00.0", "GA100 [A100 SXM4 80GB]", "nvidia"],
      ["0000:02:00.0", "ASPEED Graphics Family", undefined],
    ]);
    expect(devices.map(isGpu)).toStrictEqual([true, false]);
  });
});

describe("parseSmartctl", () => {
  it.each(["", "no JSON", "{}"])("answers undefined to %j", (text) => {
    expect(parseSmartctl(text)).toBeUndefined();
  });
});
