/** DHCP, TFTP and router advertisements: the protocols' servers, fed from the rack's view. */
import { createSocket } from "node:dgram";
import type { Clock } from "#base/clock.ts";
import type { Ipv4 } from "#base/ipv4.ts";
import type { Log } from "#base/log.ts";
import type { Mac } from "#base/mac.ts";
import type { Client, Site } from "#netboot/dhcp/context.ts";
import { openLeaseFile } from "#netboot/dhcp/lease-file.ts";
import { Leases } from "#netboot/dhcp/leases.ts";
import { createProbe } from "#netboot/dhcp/probe.ts";
import { serveDhcp } from "#netboot/dhcp/server.ts";
import { serveRadv } from "#netboot/radv/server.ts";
import { serveTftp } from "#netboot/tftp/server.ts";
import type { RackConfig } from "./config.ts";
import type { RackDeps } from "./daemon.ts";
import type { Discovered } from "./discovered.ts";
import { DynamicRange } from "./dynamic-range.ts";
import type { Endpoint } from "./endpoints.ts";
import { tftpFiles } from "./files.ts";
import type { Caches } from "./follow.ts";
import { siteFor } from "./site.ts";

interface LeaseBook extends AsyncDisposable {
  readonly leases: Leases;
  readonly file: Awaited<ReturnType<typeof openLeaseFile>>["file"];
  readonly isLost: boolean;
}

/** The dynamic leases that an earlier process of this rack has given. */
async function openLeases(path: string, clock: Clock, signal: AbortSignal): Promise<LeaseBook> {
  let book: Leases | undefined;
  const live = () => book?.live(clock.now()) ?? [];
  const { file, leases, lost } = await openLeaseFile(path, live, signal);
  book = new Leases(leases);
  return {
    leases: book,
    file,
    isLost: lost,
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

interface NetbootDeps {
  readonly config: Pick<RackConfig, "interfaces" | "ports" | "bootDir" | "agentDirs">;
  readonly book: LeaseBook;
  readonly site: (client: Client) => Site | null;
  /** GRUB's config for who asks by TFTP. */
  readonly grub: (client: Ipv4, isRetry: boolean) => Promise<string>;
  readonly count: (part: string, event: string) => void;
  readonly clock: Clock;
  readonly log: Log;
}

interface Netboot extends AsyncDisposable {
  /** Of TFTP, by interface. */
  readonly tftpPorts: readonly number[];
}

async function serveNetboot(deps: NetbootDeps, signal: AbortSignal): Promise<Netboot> {
  const { config, book, site, grub, count, clock, log } = deps;
  const { interfaces, ports } = config;
  await using opening = new AsyncDisposableStack();
  const socket = createSocket("udp4").unref();
  opening.defer(() => void socket.close());
  const { dhcp, proxyDhcp, dhcpClient } = ports;
  const dhcpPorts = { port: dhcp, proxyPort: proxyDhcp, clientPort: dhcpClient };
  opening.use(
    await serveDhcp(
      interfaces.map((each) => ({ ...each, ...dhcpPorts })),
      {
        site,
        leases: book.leases,
        leaseFile: book.file,
        taken: createProbe({ socket, clock }),
        foreign: (server, { mac }) => {
          count("dhcp", "ForeignServer");
          log.warn({ server, mac }, "another DHCP server answers on this network");
        },
        count: (event) => count("dhcp", event),
        clock,
        log,
      },
      signal,
    ),
  );
  const tftp = opening.use(
    await serveTftp(
      interfaces.map((each) => ({ ...each, port: ports.tftp })),
      {
        resolve: tftpFiles({ ...config, grub }),
        count: (event) => count("tftp", event),
        clock,
        log,
      },
      signal,
    ),
  );
  await adviseRouters(opening, deps, signal);
  const stack = opening.move();
  return { tftpPorts: tftp.ports, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Saves iPXE 13 s of waiting; a rack works without it, where there is no IPv6. */
async function adviseRouters(
  opening: AsyncDisposableStack,
  { config, count, clock, log }: NetbootDeps,
  signal: AbortSignal,
): Promise<void> {
  const devices = config.interfaces.flatMap(({ device }) => device ?? []);
  if (devices.length === 0) return;
  const radv = { count: (event: string) => count("radv", event), clock, log };
  try {
    opening.use(await serveRadv(devices, radv, signal));
  } catch (err) {
    log.warn({ err, devices }, "no router advertisements: iPXE will wait 13 s for them");
  }
}

export interface Wired {
  readonly config: RackConfig;
  readonly caches: Caches;
  readonly endpoints: readonly Endpoint[];
  readonly discovered: Discovered;
  readonly grub: NetbootDeps["grub"];
  readonly deps: RackDeps;
}

/** Wires the servers to the rack's view. Resolves to the ports of TFTP. */
export async function startNetboot(
  opening: AsyncDisposableStack,
  go: (work: Promise<unknown>) => void,
  { config, caches, endpoints, discovered, grub, deps }: Wired,
  signal: AbortSignal,
): Promise<readonly number[]> {
  if (config.netboot === "Off") return [];
  const { clock, log, count, runtimeMetrics: metrics } = deps;
  const { zone, name: rack } = config;
  const book = opening.use(await openLeases(config.leaseFile, clock, signal));
  const { leases, isLost: isFileLost } = book;
  const { zones } = caches;
  const dynamic = new DynamicRange({ ...deps, metrics, zone, rack, zones, leases, isFileLost });
  go(dynamic.run(signal));
  const onUnknown = (mac: Mac, subnet: string): void => {
    if (discovered.met(mac, subnet, clock.now())) log.info({ mac, subnet }, "an unknown machine");
  };
  const isDynamic = (): boolean => dynamic.isHeld();
  const siteDeps = { zone, view: caches, endpoints, count, isDynamic, onUnknown };
  const site = (client: Client): Site | null => siteFor(client, siteDeps);
  const netboot = await serveNetboot({ config, book, site, grub, count, clock, log }, signal);
  opening.use(netboot);
  return netboot.tftpPorts;
}
