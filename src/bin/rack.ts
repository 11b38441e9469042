/** The rack: boots the machines of one zone and serves their agents. */
import { randomBytes } from "node:crypto";
import { hostname, networkInterfaces } from "node:os";
import { Counter, Registry } from "prom-client";
import { z } from "zod";
import { systemClock } from "#base/clock.ts";
import { type Ipv4, parseIpv4 } from "#base/ipv4.ts";
import { createLog, type Log } from "#base/log.ts";
import { HttpKubeClient } from "#kube/http-client.ts";
import { prometheusMetrics } from "#kube/prometheus.ts";
import { DEFAULT_PORTS, type RackConfig } from "#rack/config.ts";
import { startRack } from "#rack/daemon.ts";
import { readConfig } from "./config.ts";
import { connect } from "./connect.ts";

const Port = z.int().min(0).max(65_535);
const Address = z.string().transform((text, context) => {
  const address = parseIpv4(text);
  if (address !== null) return address;
  context.addIssue({ code: "custom", message: "an IPv4 address is expected" });
  return z.NEVER;
});

const Config = z.object({
  kubeconfig: z.string().optional().describe("Default: KUBECONFIG, or the pod's ServiceAccount."),
  zone: z.string().min(1).max(63).describe("The Zone that it serves."),
  name: z.string().min(1).max(63).default(hostname()).describe("Of its Rack object and its Lease."),
  node: z.string().optional(),
  interfaces: z
    .array(
      z
        .strictObject({ address: Address.optional(), device: z.string().min(1).max(15).optional() })
        .refine(({ address, device }) => (address ?? device) !== undefined, "name one of both"),
    )
    .min(1)
    .describe(
      "The networks that it serves: its address there, and the device to hear broadcasts. Of a " +
        "device alone: its first IPv4 address.",
    ),
  netboot: z.enum(["On", "Off"]).default("On").describe("DHCP, TFTP and router advertisements."),
  dhcpPort: Port.default(DEFAULT_PORTS.dhcp),
  proxyDhcpPort: Port.default(DEFAULT_PORTS.proxyDhcp),
  dhcpClientPort: Port.default(DEFAULT_PORTS.dhcpClient).describe("Where DHCP answers go."),
  tftpPort: Port.default(DEFAULT_PORTS.tftp),
  httpPort: Port.default(DEFAULT_PORTS.http).describe("Scripts, kernels, images."),
  apiPort: Port.default(DEFAULT_PORTS.api).describe("The agent's API, over TLS."),
  healthPort: Port.default(DEFAULT_PORTS.health).describe("/metrics, /healthz, /readyz."),
  healthAddress: z.string().default("127.0.0.1"),
  bootDir: z.string().describe("The folder of iPXE and GRUB."),
  localLoader: z
    .string()
    .default("grubx64.efi")
    .describe("In bootDir: GRUB, which asks by TFTP for its config and finds the disk's loader."),
  agentDirs: z
    .strictObject({ amd64: z.string().optional(), arm64: z.string().optional() })
    .describe("Folders with the agent's vmlinuz and initrd.img, by architecture."),
  kernelArgs: z.array(z.string()).default([]).describe("For the agent, e.g. console=ttyS0."),
  imageDir: z.string().describe("The folder of the image cache; nothing else may be in it."),
  imageGiB: z.number().positive().default(50).describe("How large the image cache may grow."),
  imageStallSeconds: z.number().min(0.1).default(30).describe("Longest silence of an upstream."),
  leaseFile: z.string().describe("Where dynamic leases are kept."),
  lingerSeconds: z.number().min(0).default(60).describe("How long an agent waits for more to do."),
  heartbeatSeconds: z.number().min(0.1).default(10),
  statusSeconds: z.number().min(0.1).default(5).describe("The Rack's status at most so often."),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("info"),
});
type Config = z.output<typeof Config>;

function rackConfig(config: Config): RackConfig {
  const { dhcpPort, proxyDhcpPort, dhcpClientPort, tftpPort, httpPort, apiPort, healthPort } =
    config;
  const { interfaces, agentDirs, node, imageGiB, ...rest } = config;
  return {
    ...rest,
    ...(node !== undefined && { node }),
    interfaces: interfaces.map(({ address, device }) => ({
      address: address ?? addressOf(device ?? ""),
      ...(device !== undefined && { device }),
    })),
    ports: {
      ...{ dhcp: dhcpPort, proxyDhcp: proxyDhcpPort, dhcpClient: dhcpClientPort },
      ...{ tftp: tftpPort, http: httpPort, api: apiPort, health: healthPort },
    },
    agentDirs: {
      ...(agentDirs.amd64 !== undefined && { amd64: agentDirs.amd64 }),
      ...(agentDirs.arm64 !== undefined && { arm64: agentDirs.arm64 }),
    },
    imageBytes: imageGiB * 2 ** 30,
  };
}

/** So that one DaemonSet serves nodes with different addresses. */
function addressOf(device: string): Ipv4 {
  const addresses = networkInterfaces()[device] ?? [];
  const found = addresses.find(({ family }) => family === "IPv4")?.address;
  const address = found === undefined ? null : parseIpv4(found);
  if (address === null) throw new Error(`the device ${device} has no IPv4 address`);
  return address;
}

async function run(config: Config, log: Log, signal: AbortSignal): Promise<void> {
  const clock = systemClock;
  const registry = new Registry();
  const events = new Counter({
    name: "steelyard_rack_events_total",
    help: "What happened at this rack, by the part that it happened in.",
    labelNames: ["part", "event"],
    registers: [registry],
  });
  const runtimeMetrics = prometheusMetrics(registry);
  const connection = connect(config.kubeconfig, clock);
  const client = new HttpKubeClient({
    ...{ connection, clock, userAgent: "steelyard-rack" },
    metrics: runtimeMetrics,
  });
  await using rack = await startRack(
    rackConfig(config),
    {
      ...{ client, clock, log, runtimeMetrics },
      random: Math.random,
      monotonic: () => performance.now(),
      nonce: () => randomBytes(16).toString("base64url"),
      count: (part, event) => events.inc({ part, event }),
      metrics: () => registry.metrics(),
    },
    signal,
  );
  log.info({ endpoints: rack.endpoints, healthPort: rack.healthPort }, "the rack serves");
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

const config = readConfig(Config, "STEELYARD_RACK", process.argv.slice(2), process.env);
const log = createLog("rack", config.logLevel);
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
process.once("SIGINT", () => stop.abort());
try {
  await run(config, log, stop.signal);
} catch (err) {
  if (!stop.signal.aborted) {
    log.error({ err }, "the rack ends");
    process.exitCode = 1;
  }
}
