import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { MAC, task } from "#test/fakes/rack-objects.ts";
import { type SeedInput, seedFor } from "./seed.ts";

/** The kernel's arguments as GRUB's shell reads them once the script has run in its own root. */
function commandLine(script: string): string {
  const root = mkdtempSync(join(tmpdir(), "steelyard-seed-"));
  try {
    const inRoot = script.replaceAll("/etc/", `${root}/`).replace("exec update-grub", "");
    execFileSync("sh", ["-c", inRoot], { env: { PATH: process.env["PATH"] } });
    const read = `GRUB_CMDLINE_LINUX=quiet; . ${root}/default/grub.d/90-steelyard.cfg; echo "$GRUB_CMDLINE_LINUX"`;
    return execFileSync("sh", ["-c", read], { encoding: "utf8" }).trim();
  } finally {
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

const deploying = task({ type: "Deploy" });
const seed = (difference: Partial<SeedInput> = {}) =>
  seedFor({
    task: deploying,
    phoneHomeUrl: "http://10.0.0.1/phone-home/t",
    bootMac: MAC,
    userData: null,
    networkData: null,
    ...difference,
  });

describe("a seed", () => {
  it("makes each Deploy an instance of its own, with the machine's name", () => {
    expect(load(seed()["meta-data"])).toEqual({
      "instance-id": deploying.metadata.uid,
      "local-hostname": "m1",
    });
  });

  it("has the system phone home, as the vendor's wish and not the user's", () => {
    expect(seed()["vendor-data"]).toMatch(/^#cloud-config\n/);
    expect(load(seed()["vendor-data"])).toEqual({
      phone_home: {
        url: "http://10.0.0.1/phone-home/t",
        post: ["instance_id", "hostname", "fqdn"],
        tries: 100,
      },
    });
    expect(seed()["user-data"]).toBe("#cloud-config\n");
  });

  it("asks for no call where the image is ready without one", () => {
    const quiet = task({ type: "Deploy", readiness: "AgentDone" });
    expect(seed({ task: quiet })["vendor-data"]).toBe("#cloud-config\n");
  });

  it("hands over kernel arguments by a script that user data does not displace", () => {
    const args = ["isolcpus=1-3", "name=it's", "hugepages=16"];
    const tuned = task({ type: "Deploy", kernelArgs: args });
    const text = seed({ task: tuned })["vendor-data"];
    expect(text).toMatch(/^#cloud-config-archive\n/);
    const [config, script] = load(text) as readonly { type: string; content: string }[];
    expect(config?.content).toContain("phone_home");
    expect(script?.type).toBe("text/x-shellscript");
    expect(commandLine(script?.content ?? "")).toBe("quiet isolcpus=1-3 name=it's hugepages=16");
  });

  it("takes the user's data and network as they are", () => {
    const given = seed({ userData: "#!/bin/sh\n", networkData: "version: 2\n" });
    expect(given).toMatchObject({ "user-data": "#!/bin/sh\n", "network-config": "version: 2\n" });
  });

  it("has one interface wait for DHCP, and the others not hold up the start", () => {
    const both = {
      ...deploying,
      spec: { ...deploying.spec, macAddresses: [MAC, "AA:BB:CC:00:00:02"] },
    };
    expect(load(seed({ task: both })["network-config"] ?? "")).toEqual({
      version: 2,
      ethernets: {
        nic0: { match: { macaddress: MAC }, dhcp4: true },
        nic1: { match: { macaddress: "aa:bb:cc:00:00:02" }, dhcp4: true, optional: true },
      },
    });
  });
});
