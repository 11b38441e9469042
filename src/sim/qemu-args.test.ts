import { describe, expect, it } from "vitest";
import { board, machine } from "#test/fakes/simulated-bmc.ts";
import type { BootDevice } from "./machine.ts";
import { command, type QemuConfig, qemuArgs } from "./qemu-args.ts";

const config: QemuConfig = {
  folder: "/tmp/vm",
  memoryMiB: 2048,
  cpus: 2,
  diskFiles: ["/tmp/vm/a.raw", "/tmp/vm/b.raw"],
  taps: ["tap0"],
  uefi: { code: "/fw/code.fd", vars: "/fw/vars.fd" },
  netns: null,
  extraArgs: [],
};

const line = (order: readonly BootDevice[], differs: Partial<QemuConfig> = {}): string => {
  const { disks } = machine(1);
  const start = { board: board(1), disks, order, qmpPath: "/tmp/vm/qmp.sock" };
  return qemuArgs({ ...config, ...differs }, start).join(" ");
};

describe("QEMU's command line", () => {
  it("gives the boot order as bootindex", () => {
    expect(line(["network", "disk"])).toMatch(
      /virtio-net-pci\S*,bootindex=1 .*drive=d0\S*,bootindex=11 /,
    );
    expect(line(["disk", "network"])).toMatch(
      /virtio-net-pci\S*,bootindex=11 .*drive=d0\S*,bootindex=1 /,
    );
  });

  it("leaves devices that are not to be tried without one", () => {
    expect(line(["disk"])).not.toMatch(/virtio-net-pci\S*bootindex/);
  });

  it("puts the second disk after the first", () => {
    expect(line(["disk"])).toMatch(/drive=d1\S*,bootindex=2/);
  });

  it("forbids PXE where HTTP boot is asked for", () => {
    expect(line(["http", "disk"])).toContain("IPv4PXESupport,string=n");
    expect(line(["network", "disk"])).not.toContain("IPv4PXESupport");
  });

  it("takes the NIC's own ROM for BIOS, and the firmware's driver for UEFI", () => {
    expect(line(["network"], { uefi: null })).not.toContain("romfile=");
    expect(line(["network"])).toContain("romfile=");
  });

  it("tells the guest who it is", () => {
    expect(line(["disk"])).toContain(
      `-uuid ${board(1).uuid} -smbios type=1,manufacturer=Steelyard`,
    );
  });

  it("is run in the network namespace, and dies with us", () => {
    const start = { board: board(1), disks: [], order: [], qmpPath: "q" };
    expect(command({ ...config, netns: "rack" }, start).slice(0, 9)).toStrictEqual(
      "ip netns exec rack setpriv --pdeathsig KILL -- qemu-system-x86_64".split(" "),
    );
  });
});
