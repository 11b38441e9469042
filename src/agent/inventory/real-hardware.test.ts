/** The parsers over real outputs, which are shared beside the repository (see its README there). */
import { existsSync, globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Inventory, InventoryDisk } from "#api/machine-inventory.ts";
import { parseLscpu } from "./cpu.ts";
import { parseLsblk } from "./disk.ts";
import { dimmsOf, parseDmidecode, systemOf } from "./dmi.ts";
import { isGpu, parseLspci } from "./pci.ts";
import { parseSmartctl } from "./smart.ts";

const DATA = "../shared/data/hardware";
const here = existsSync(DATA);
if (!here) process.stderr.write(`${DATA} is absent: no parser is tried on real outputs\n`);
const text = (path: string): string => readFileSync(`${DATA}/${path}`, "utf8");
const all = (pattern: string): string[] => globSync(pattern, { cwd: DATA }).sort();

describe.runIf(here)("inventory of real servers", () => {
  it.each([
    [
      "dell-poweredge-r640",
      "Dell Inc.",
      "PowerEdge R640",
      "2RJF153",
      "4c4c4544-0052-4a10-8046-b2c04f313533",
    ],
    [
      "quanta-quantamicro-x10e-9n",
      "Quanta Cloud Technology Inc.",
      "QuantaMicro X10E-9N",
      "QTFCQ57140285",
      "e1a3d1c8-0809-e711-b48a-a81e84729878",
    ],
    [
      "hpe-proliant-dl360p-gen8",
      "HP",
      "ProLiant DL360p Gen8",
      "USE2236835",
      "30343536-3138-5355-4532-323336383335",
    ],
  ] as const)("names %s", (folder, manufacturer, product, serial, uuid) => {
    const found = systemOf(parseDmidecode(text(`${folder}/dmidecode.txt`)));
    expect(found).toMatchObject({ manufacturer, product, serial, uuid });
  });

  it("takes what was never filled in for absent", () => {
    const found = systemOf(
      parseDmidecode(text("asrockrack-e3c246d4i-nl/dmidecode-unprogrammed.txt")),
    );
    expect(found).toStrictEqual({
      biosVendor: "American Megatrends Inc.",
      biosVersion: "L2.09C",
      biosDate: "09/23/2020",
    });
  });

  it.each([
    ["dell-poweredge-r640", 8 * 32_768],
    ["hpe-proliant-dl380-gen11", 8 * 32_768],
    ["supermicro-ssg-6028r-osd072p", 4 * 16_384],
    ["adlink-ampere-altra", 4 * 65_536],
  ])("adds up the memory of %s", (folder, sizeMiB) => {
    const dimms = dimmsOf(parseDmidecode(text(`${folder}/dmidecode.txt`)));
    expect(dimms.reduce((sum, dimm) => sum + dimm.sizeMiB, 0)).toBe(sizeMiB);
  });

  it.each(all("*/dmidecode*.txt"))("makes of %s what the API takes", (path) => {
    const dmi = parseDmidecode(text(path));
    expect(Inventory.shape.system.safeParse(systemOf(dmi)).error).toBeUndefined();
    const memory = { totalMiB: 0, dimms: dimmsOf(dmi) };
    expect(Inventory.shape.memory.safeParse(memory).error).toBeUndefined();
  });

  it.each([
    [
      "amd-epyc-7302p",
      {
        architecture: "amd64",
        model: "AMD EPYC 7302P 16-Core Processor",
        sockets: 1,
        cores: 16,
        threads: 32,
        numaNodes: 8,
      },
    ],
    [
      "apm-x-gene",
      { architecture: "arm64", model: "X-Gene", sockets: 4, cores: 8, threads: 8, numaNodes: 1 },
    ],
  ] as const)("counts the processors of %s", (folder, expected) => {
    expect(parseLscpu(text(`${folder}/lscpu.txt`))).toStrictEqual(expected);
  });

  it("lists drives, not loops nor arrays, and trims what is padded", () => {
    const padded = parseLsblk(text("dell-poweredge-r6515/lsblk.json"));
    expect(padded.map(({ serial, transport }) => [serial, transport])).toStrictEqual([
      ["203329F89392", "sata"],
      ["203329F89796", "sata"],
      ["202728F691F5", "nvme"],
      ["202728F691C6", "nvme"],
    ]);
    const one = parseLsblk(text("server-1nvme/lsblk.json"));
    expect(one.map(({ name }) => name)).toStrictEqual([expect.stringMatching(/^nvme/)]);
    const eight = parseLsblk(text("server-8nvme-raid0/lsblk.json"));
    expect(eight.filter(({ name }) => name.startsWith("nvme")).length).toBe(8);
    expect(eight.some(({ name }) => /^(md|loop|sr)/.test(name))).toBe(false);
  });

  it.each(all("*/lsblk.json"))("makes of %s what the API takes", (path) => {
    expect(InventoryDisk.array().safeParse(parseLsblk(text(path))).error).toBeUndefined();
  });

  it.each([
    ["drive-nvme-samsung-mzwll3t2/smartctl.json", false],
    ["drive-sata-samsung-pm883/smartctl.json", true],
    ["drive-sas-hitachi-h109060sesun600g/smartctl.json", true],
    ["drive-sata-hgst-hus724020ale640/smartctl.json", true],
    ["dell-poweredge-r6515/smartctl-nvme0.json", true],
  ])("reads the health in %s", (path, healthy) => {
    const smart = parseSmartctl(text(path));
    expect(smart).toMatchObject({ healthy });
    expect(InventoryDisk.shape.smart.safeParse(smart).error).toBeUndefined();
  });

  it("sees that a virtual display is no GPU", () => {
    const devices = parseLspci(text("vmware-vm/lspci-vmm-nn.txt"));
    expect(devices.length).toBeGreaterThan(10);
    expect(devices[0]).toStrictEqual({
      address: "0000:00:00.0",
      classCode: "0600",
      class: "Host bridge",
      vendorId: "8086",
      vendor: "Intel Corporation",
      device: "440BX/ZX/DX - 82443BX/ZX/DX Host bridge",
    });
    expect(devices.filter(isGpu)).toStrictEqual([]);
  });
});
