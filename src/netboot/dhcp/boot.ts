import type { Ipv4 } from "#base/ipv4.ts";
import { type Architecture, firstStage } from "./arch.ts";
import type { BootAnswer, Client, Site } from "./context.ts";
import type { Options } from "./options.ts";
import { NO_ADDRESS, type Packet } from "./packet.ts";

/** The part of a reply that says what to boot. */
export interface BootFields {
  readonly siaddr: Ipv4;
  /** For firmware that reads the fixed field only; empty where the name is too long for it. */
  readonly file: string;
  readonly options: Options;
}

interface Asked extends Site {
  readonly client: Client;
  readonly port: "Dhcp" | "Pxe";
}

/** Option 175.176, `no-pxedhcp`: iPXE then does not wait seconds for a proxyDHCP offer. */
const NO_PROXY = Uint8Array.of(176, 1, 1);

/** `null`: it may not boot from us, or does not ask to, or we have nothing for its processor. */
export function bootOptions(packet: Packet, asked: Asked): BootFields | null {
  const { boot, client } = asked;
  if (boot === null) return null;
  switch (client.rom) {
    case null:
      return null;
    case "iPXE":
      return forIpxe(asked, boot);
    case "HTTP":
      return client.arch === null ? null : forHttp(boot, client.arch);
    case "PXE":
      return client.arch === null ? null : forPxe(packet, asked, boot, client.arch);
  }
}

function forIpxe({ mode, port, server }: Asked, { scriptUrl }: BootAnswer): BootFields {
  const proxied = mode === "Proxy" || port === "Pxe";
  return {
    siaddr: server,
    file: fitting(scriptUrl),
    options: {
      bootFile: scriptUrl,
      ...(proxied ? { vendorClass: "PXEClient" } : { ipxe: NO_PROXY }),
    },
  };
}

/** UEFI 2.10 section 24.7.3: without the echo of option 60 the firmware ignores the offer. */
function forHttp(boot: BootAnswer, arch: Architecture): BootFields | null {
  const name = firstStage(arch, boot.chain);
  if (name === null) return null;
  const bootFile = boot.filesUrl + name;
  return { siaddr: NO_ADDRESS, file: "", options: { vendorClass: "HTTPClient", bootFile } };
}

/** PXE 2.1 section 2.4: the echo of options 60 and 97 tells a PXE server's answer from others. */
function forPxe(
  { options: { clientUuid } }: Packet,
  { mode, port, server }: Asked,
  boot: BootAnswer,
  arch: Architecture,
): BootFields | null {
  const name = firstStage(arch, boot.chain);
  if (name === null) return null;
  const proxied = mode === "Proxy" || port === "Pxe";
  return {
    siaddr: server,
    file: fitting(name),
    options: {
      bootFile: name,
      tftpServer: server,
      // Beside an address it costs a second: OVMF then asks port 4011 as well (tried).
      ...(proxied ? { vendorClass: "PXEClient" } : {}),
      ...(proxied && clientUuid !== undefined ? { clientUuid } : {}),
    },
  };
}

const fitting = (name: string): string => (name.length < 128 ? name : "");
