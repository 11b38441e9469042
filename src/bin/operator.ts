/** The operator: leads by a Lease, drives the machines while it does. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import operator from "@dot-i/k8s-operator";
import { Registry } from "prom-client";
import { z } from "zod";
import { rackName } from "#api/agent.ts";
import { systemClock } from "#base/clock.ts";
import { hours, seconds } from "#base/duration.ts";
import { createLog, type Log } from "#base/log.ts";
import { BmcPool } from "#bmc/pool.ts";
import { areSynced, follow, type Leading, lead, newCaches } from "#controllers/all.ts";
import { OPERATOR_ACCOUNT, type ZoneKeys } from "#controllers/zone/furnish.ts";
import type { Connection } from "#kube/connection.ts";
import { KubeEventRecorder } from "#kube/events.ts";
import { HttpKubeClient } from "#kube/http-client.ts";
import { Elector } from "#kube/leader.ts";
import { prometheusMetrics } from "#kube/prometheus.ts";
import { createCa, issueServer } from "#pki/certificate.ts";
import { readConfig } from "./config.ts";
import { connect } from "./connect.ts";
import { newIdentity } from "./identity.ts";

const OperatorConfig = z.object({
  kubeconfig: z.string().optional().describe("Default: KUBECONFIG, or the pod's ServiceAccount."),
  namespace: z
    .string()
    .default(OPERATOR_ACCOUNT.namespace)
    .describe("Its own: of the Lease, and of its ServiceAccount."),
  serviceAccount: z
    .string()
    .default(OPERATOR_ACCOUNT.name)
    .describe("Its own, which it binds to what it needs in each zone's namespace."),
  identity: z.string().default(newIdentity).describe("Of this process: no two may have the same."),
  workers: z.int().min(1).max(1_000).default(32).describe("Machines reconciled at a time."),
  leaseSeconds: z.number().min(1).default(15),
  renewSeconds: z.number().min(0.5).default(10),
  retrySeconds: z.number().min(0.1).default(2),
  metricsPort: z.int().min(0).max(65_535).default(8080).describe("/metrics, /healthz, /readyz."),
  metricsAddress: z.string().default("0.0.0.0"),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("info"),
});
type OperatorConfig = z.output<typeof OperatorConfig>;

/** The process's outer shell: begin and end. Watching, queueing and writing are our own. */
class Steelyard extends operator.default {
  readonly #run: (signal: AbortSignal) => Promise<void>;
  readonly #stop = new AbortController();

  constructor(run: (signal: AbortSignal) => Promise<void>) {
    super();
    this.#run = run;
  }

  protected override init(): Promise<void> {
    return this.#run(this.#stop.signal);
  }

  override stop(): void {
    this.#stop.abort();
  }
}

async function run(
  config: OperatorConfig,
  connection: Connection,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const registry = new Registry();
  const metrics = prometheusMetrics(registry);
  const clock = systemClock;
  const random = Math.random;
  const client = new HttpKubeClient({
    connection,
    clock,
    metrics,
    userAgent: "steelyard-operator",
  });
  const elector = new Elector({
    ...{ client, clock, random, log, metrics, identity: config.identity },
    lease: { namespace: config.namespace, name: "steelyard-operator" },
    monotonic: () => performance.now(),
    leaseDuration: seconds(config.leaseSeconds),
    renewDeadline: seconds(config.renewSeconds),
    retryPeriod: seconds(config.retrySeconds),
  });
  const events = new KubeEventRecorder({
    ...{ client, clock, random, log, metrics },
    component: "steelyard-operator",
    instance: config.identity,
  });
  const leading: Omit<Leading, "lease"> = {
    ...{ client, events, clock, random, log, metrics, workers: config.workers },
    monotonic: () => performance.now(),
    fence: () => elector.fence(),
    hash: (text) => createHash("sha256").update(text).digest("hex"),
    operator: { namespace: config.namespace, name: config.serviceAccount },
    makeZoneKeys: async (zone) => zoneKeys(zone, clock.now()),
  };
  const caches = newCaches();
  const reign = async (leads: AbortSignal): Promise<void> => {
    // It logs out at the end: while the Lease is still held, or not at all.
    await using pool = new BmcPool({
      ...{ clock, log, mayAsk: () => elector.isLeader() },
      userAgent: `steelyard/${config.identity}`,
    });
    await lead(caches, { ...leading, lease: (key) => pool.lease(key) }, leads);
  };
  const port = await serveMetrics(config, registry, () => areSynced(caches), signal);
  log.info({ identity: config.identity, metricsPort: port }, "the operator is up");
  await Promise.all([
    follow(caches, leading, signal),
    events.run(signal),
    elector.run(reign, signal),
  ]);
}

/** The CA's key is thrown away: new racks' certificates come with a new CA. */
function zoneKeys(zone: string, now: number): ZoneKeys {
  const lifetime = hours(24 * 3_650);
  const ca = createCa(`steelyard zone ${zone}`, { now, lifetime });
  const server = issueServer(ca, { dns: [rackName(zone)], ips: [] }, { now, lifetime });
  return {
    hmacKey: randomBytes(32).toString("base64"),
    caCert: ca.certificate,
    tlsCert: server.certificate,
    tlsKey: server.key,
  };
}

/** Resolves to the port. */
async function serveMetrics(
  { metricsPort, metricsAddress }: OperatorConfig,
  registry: Registry,
  isReady: () => boolean,
  signal: AbortSignal,
): Promise<number> {
  const server = createServer(async ({ url }, response) => {
    if (url === "/metrics") {
      response.setHeader("content-type", registry.contentType);
      response.end(await registry.metrics());
      return;
    }
    const known = url === "/healthz" || url === "/readyz";
    response.statusCode = !known ? 404 : url === "/healthz" || isReady() ? 200 : 503;
    response.end(`${response.statusCode}\n`);
  });
  server.listen(metricsPort, metricsAddress);
  await once(server, "listening");
  signal.addEventListener("abort", () => server.close(), { once: true });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : metricsPort;
}

const config = readConfig(OperatorConfig, "STEELYARD", process.argv.slice(2), process.env);
const log = createLog("operator", config.logLevel);
const connection = connect(config.kubeconfig, systemClock);
// The shell's constructor reads the default kubeconfig, for nothing: let it be one that is there.
if (config.kubeconfig !== undefined) process.env["KUBECONFIG"] = config.kubeconfig;
const shell = new Steelyard((signal) => run(config, connection, log, signal));
process.once("SIGTERM", () => shell.stop());
process.once("SIGINT", () => shell.stop());
try {
  await shell.start();
} catch (err) {
  log.error({ err }, "the operator ends");
  process.exitCode = 1;
}
