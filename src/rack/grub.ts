import type { Architecture } from "#api/os-image.ts";
import type { Ipv4 } from "#base/ipv4.ts";
import { parseMac } from "#base/mac.ts";
import { holdGrubConfig, linuxGrubConfig, localGrubConfig } from "#netboot/ipxe/grub.ts";
import { agentArgs, HOLD_SECONDS, type ScriptDeps } from "./boot-script.ts";
import { answerBoot, type BootDeps, hasView } from "./boots.ts";
import { machineByIp } from "./view.ts";

/** Below the root of our TFTP server. */
export const AGENT_FOLDER = "agent";

/**
 * What GRUB is to do that asks by TFTP. After iPXE: look for the loader on the disk, and no more.
 * Under Secure Boot, where GRUB stands in iPXE's place: what the boot policy says. TFTP tells nothing
 * but the client's address, so that only machines with one of the operator's are served by it.
 */
export async function grubConfig(
  client: Ipv4,
  isRetry: boolean,
  { desk, script }: BootDeps,
  signal: AbortSignal,
): Promise<string> {
  await hasView(desk, signal); // which whoever got this far by our DHCP need not wait for
  const machine = machineByIp(desk.view, client);
  const mac = parseMac(machine?.status?.addresses?.find(({ ip }) => ip === client)?.mac ?? "");
  if (mac === null || machine?.spec.boot.mode !== "UEFISecureBoot") return localGrubConfig();
  const booting = { uuid: null, remote: client, waits: 0, isRetry };
  const answer = await answerBoot(mac, booting, desk, signal);
  if (answer.kind === "Hold") return holdGrubConfig({ seconds: HOLD_SECONDS });
  const deps: ScriptDeps = { ...script(client), nonce: desk.nonce(), now: desk.clock.now() };
  const architecture: Architecture = "amd64"; // there is no signed chain for arm64 yet
  if (answer.kind !== "Agent" || !deps.agents.has(architecture)) return localGrubConfig();
  const files = `${AGENT_FOLDER}/${architecture}`;
  return linuxGrubConfig({
    kernel: `${files}/vmlinuz`,
    initrds: [`${files}/initrd.img`],
    args: agentArgs(answer, mac, deps),
  });
}
