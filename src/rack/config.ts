import type { Architecture } from "#api/os-image.ts";
import type { Ipv4 } from "#base/ipv4.ts";

/** One network that a rack serves. */
export interface RackInterface {
  /** Ours, as machines reach it. */
  readonly address: Ipv4;
  /** Needed to hear broadcasts. Without one, requests must be sent to the address itself. */
  readonly device?: string;
}

/** 0 takes any free one, where that makes sense: TFTP, HTTP, HTTPS, health. */
export interface RackPorts {
  readonly dhcp: number;
  /** Where PXE clients ask again; DHCP answers go to `dhcpClient`. */
  readonly proxyDhcp: number;
  readonly dhcpClient: number;
  readonly tftp: number;
  readonly http: number;
  /** The agent's API, over TLS. */
  readonly api: number;
  /** /metrics, /healthz and /readyz, on `healthAddress` alone. */
  readonly health: number;
}

/** All that a rack is told. `bin/rack.ts` reads it; it is handed on in pieces. */
export interface RackConfig {
  readonly zone: string;
  /** Of the Rack object, its Lease and its log. */
  readonly name: string;
  readonly node?: string;
  readonly version?: string;
  readonly interfaces: readonly RackInterface[];
  readonly ports: RackPorts;
  readonly healthAddress: string;
  /** Off: no DHCP, TFTP or router advertisements, whatever the Zone says. */
  readonly netboot: "On" | "Off";
  /** iPXE and GRUB: undionly.kpxe, snponly.efi, shimx64.efi, … */
  readonly bootDir: string;
  /** Of `bootDir`: the EFI program that finds the loader on the disk. */
  readonly localLoader: string;
  /** Folders with `vmlinuz` and `initrd.img` of the agent. */
  readonly agentDirs: Readonly<Partial<Record<Architecture, string>>>;
  /** Added to the agent's command line, e.g. console=ttyS0. */
  readonly kernelArgs: readonly string[];
  readonly imageDir: string;
  readonly imageBytes: number;
  /** An upstream that sends nothing for so long is asked again, or given up. */
  readonly imageStallSeconds: number;
  readonly leaseFile: string;
  /** How long an agent whose task ended well waits for the next before it powers off. */
  readonly lingerSeconds: number;
  /** Between two signs of life. */
  readonly heartbeatSeconds: number;
  /** Changes of the Rack's status within so long are written together. */
  readonly statusSeconds: number;
}

export const DEFAULT_PORTS: RackPorts = {
  dhcp: 67,
  proxyDhcp: 4_011,
  dhcpClient: 68,
  tftp: 69,
  http: 8_080,
  api: 8_443,
  health: 8_081,
};
