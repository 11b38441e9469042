/**
 * N simulated machines from applied to Deployed against a real API server, with TLS BMCs, DHCP, TFTP,
 * iPXE scripts and agents: --machines N (default 1000), --speed S (default 1000 times life).
 */
import { parseArgs } from "node:util";
import { KINDS } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import { systemClock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { createLog } from "#base/log.ts";
import { ObjectCache } from "#kube/cache.ts";
import type { Draft } from "#kube/client.ts";
import { KubeConfigConnection, loadKubeConfig } from "#kube/connection.ts";
import { HttpKubeClient } from "#kube/http-client.ts";
import { noMetrics } from "#kube/metrics.ts";
import { Reflector } from "#kube/reflector.ts";
import { machine } from "../tools/room/manifests.ts";
import { openRoom } from "../tools/room/room.ts";
import { apiWrites, writesEach } from "./_api-writes.ts";
import { cpuSeconds, rssMb } from "./_process.ts";

const { values } = parseArgs({
  options: {
    machines: { type: "string", default: "1000" },
    speed: { type: "string", default: "1000" },
    limit: { type: "string", default: "900" },
  },
});
const machines = Number(values.machines);
const stop = new AbortController();
const signal = AbortSignal.any([
  stop.signal,
  AbortSignal.timeout(seconds(Number(values.limit) + 120)),
]);
const clock = systemClock;

await using room = await openRoom(
  {
    rows: [{ zone: "bench", machines }],
    speed: Number(values.speed),
    operatorArgs: ["--log-level", "warn"],
    say: console.log,
  },
  signal,
);
const connection = new KubeConfigConnection(loadKubeConfig(room.cluster.kubeconfig), clock);
const client = new HttpKubeClient({ connection, clock, metrics: noMetrics, userAgent: "bench" });
const cache = new ObjectCache<Machine>({
  // Only what is counted: the bench must not be what is slow.
  trim: ({ metadata, spec, status }) => ({
    metadata: { name: metadata.name, uid: metadata.uid, resourceVersion: metadata.resourceVersion },
    spec,
    ...(status?.phase !== undefined && { status: { phase: status.phase } }),
  }),
});
const log = createLog("bench", "warn");
const options = { client, resource: KINDS.machine, cache, clock, random: Math.random, log };
const watching = new Reflector({ ...options, metrics: noMetrics }).run(signal);
await cache.synced(signal);

const before = await apiWrites(room.cluster, signal);
const cpuBefore = await cpuSeconds(room.operator.pid);
const start = performance.now();
await applyAll();
console.log(
  `applied ${machines} Machines in ${((performance.now() - start) / 1_000).toFixed(1)} s`,
);
let peakMb = 0;
for (let last = 0; deployed() < machines; ) {
  if (performance.now() - start > seconds(Number(values.limit))) break;
  await clock.sleep(seconds(0.25), signal);
  peakMb = Math.max(peakMb, await rssMb(room.operator.pid));
  if (performance.now() - last > 5_000) {
    last = performance.now();
    console.log(`${((last - start) / 1_000).toFixed(0)} s: ${JSON.stringify(phases())}`);
  }
}
const took = (performance.now() - start) / 1_000;
const done = deployed();
const operatorCpuSeconds = (await cpuSeconds(room.operator.pid)) - cpuBefore;
const others = await Promise.all(
  [...room.racks.values(), room.sim].map(async ({ name, pid }) => [name, await cpuSeconds(pid)]),
);
console.log(`CPU seconds of the rest: ${JSON.stringify(Object.fromEntries(others))}`);
for (const [name, pid] of Object.entries(room.cluster.pids)) {
  console.log(`CPU seconds of ${name}: ${await cpuSeconds(pid)}`);
}
const after = await apiWrites(room.cluster, signal);
// That the bench made each Machine is left out.
const apiWritesPerMachine = writesEach(machines, before, after, ["POST machines"]);
console.log(
  JSON.stringify({
    machines,
    deployed: done,
    seconds: round(took),
    operatorCpuSeconds: round(operatorCpuSeconds),
    operatorRssMb: Math.round(peakMb),
    apiWritesPerMachine,
  }),
);
stop.abort();
await watching;

async function applyAll(): Promise<void> {
  const deploy = { imageRef: { name: room.image.name } };
  const waiting = (room.servers.get("bench") ?? []).values();
  const worker = async (): Promise<void> => {
    for (const server of waiting) {
      const { metadata, spec } = machine(server, "bench", { deploy });
      await client.create(KINDS.machine, { metadata, spec } as Draft, signal);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

function phases(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of cache.list()) {
    const phase = status?.phase ?? "New";
    counts[phase] = (counts[phase] ?? 0) + 1;
  }
  return counts;
}

function deployed(): number {
  return phases()["Deployed"] ?? 0;
}

function round(n: number): number {
  return Math.round(n * 100) / 100;
}
