/**
 * The seed of cloud-init's NoCloud data source. Its files are YAML; JSON is YAML too, and needs no
 * library. Pure.
 */
import type { Seed } from "#api/agent.ts";
import type { MachineTask } from "#api/machine-task.ts";

export interface SeedInput {
  readonly task: MachineTask;
  /** Where the system says that it is up. */
  readonly phoneHomeUrl: string;
  /** The interface that the machine boots from: the only one that its start waits for. */
  readonly bootMac: string;
  /** From the task's Secret; secret. */
  readonly userData: string | null;
  readonly networkData: string | null;
}

const HEADER = "#cloud-config\n";

export function seedFor({ task, phoneHomeUrl, bootMac, userData, networkData }: SeedInput): Seed {
  const { deploy } = task.spec;
  const { hostname = task.spec.machineRef.name, readiness, kernelArgs = [] } = deploy ?? {};
  const home = readiness === "PhoneHome" ? HEADER + json(phoneHome(phoneHomeUrl)) : HEADER;
  return {
    // A new instance for each Deploy: cloud-init runs once for each.
    "meta-data": json({ "instance-id": task.metadata.uid, "local-hostname": hostname }),
    "user-data": userData ?? HEADER,
    "vendor-data": kernelArgs.length === 0 ? home : archive(home, kernelArgsScript(kernelArgs)),
    "network-config": networkData ?? json(network(task.spec.macAddresses, bootMac)),
  };
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const phoneHome = (url: string) => ({
  // Three seconds apart: a rack that is started anew must not cost a deploy.
  phone_home: { url, post: ["instance_id", "hostname", "fqdn"], tries: 100 },
});

/** A configuration and a script in one. A script is run whatever the user's data says. */
const archive = (config: string, script: string): string =>
  `#cloud-config-archive\n${json([
    { type: "text/cloud-config", content: config },
    { type: "text/x-shellscript", content: script },
  ])}`;

/**
 * Gives the boot loader its kernel arguments from inside the system, which alone knows how that is
 * done. They are in force from the next boot on; it runs before the system phones home.
 */
function kernelArgsScript(kernelArgs: readonly string[]): string {
  const args = quoted(kernelArgs.join(" ").replaceAll(/\s+/g, " "));
  return `#!/bin/sh
set -eu
if command -v grubby >/dev/null; then
  exec grubby --update-kernel=ALL --args=${args}
fi
mkdir -p /etc/default/grub.d
cat >/etc/default/grub.d/90-steelyard.cfg <<'STEELYARD'
# Written by Steelyard: kernelArgs of the deploy.
GRUB_CMDLINE_LINUX="\${GRUB_CMDLINE_LINUX:-} "${args}
STEELYARD
exec update-grub
`;
}

/** A text as one word of a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Netplan, version 2: DHCP on every interface that the task names, whatever the kernel calls it. */
function network(macAddresses: readonly string[], bootMac: string) {
  const ethernets = macAddresses.map((mac, i) => {
    const macaddress = mac.toLowerCase();
    const isOptional = macAddresses.length > 1 && macaddress !== bootMac.toLowerCase();
    const port = { match: { macaddress }, dhcp4: true, ...(isOptional && { optional: true }) };
    return [`nic${i}`, port] as const;
  });
  return { version: 2, ethernets: Object.fromEntries(ethernets) };
}
