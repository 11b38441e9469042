/**
 * M claims made at once in front of N Ready machines, then ten a second, against a real API server, with
 * TLS BMCs: --machines N (default 1000), --claims M (default 200), --deploy (each asks for an image, and
 * the machines begin to boot meanwhile; else they are held and stay as they are).
 */
import { parseArgs } from "node:util";
import { KINDS } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import { systemClock } from "#base/clock.ts";
import { minutes, seconds } from "#base/duration.ts";
import { createLog } from "#base/log.ts";
import { ObjectCache } from "#kube/cache.ts";
import { isTrue } from "#kube/conditions.ts";
import { KubeConfigConnection, loadKubeConfig } from "#kube/connection.ts";
import { HttpKubeClient } from "#kube/http-client.ts";
import { noMetrics } from "#kube/metrics.ts";
import { Reflector } from "#kube/reflector.ts";
import { machine } from "../tools/room/manifests.ts";
import { machinesOf } from "../tools/room/objects.ts";
import { openRoom } from "../tools/room/room.ts";
import { apiWrites, writesEach } from "./_api-writes.ts";
import { clone, withStatusAtOnce } from "./_clones.ts";
import { cpuSeconds } from "./_process.ts";

const { values } = parseArgs({
  options: {
    machines: { type: "string", default: "1000" },
    claims: { type: "string", default: "200" },
    deploy: { type: "boolean", default: false },
    limit: { type: "string", default: "120" },
  },
});
const machines = Number(values.machines);
const claims = Number(values.claims);
const limit = seconds(Number(values.limit));
const ZONE = "bench";
const TENANT = "default"; // a namespace that is there
const PER_SECOND = 10;
const WRITERS = 48;
const clock = systemClock;
const stop = new AbortController();
const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(minutes(30))]);

await using room = await openRoom(
  {
    rows: [{ zone: ZONE, machines }],
    speed: 1_000,
    operatorArgs: ["--log-level", "warn"],
    say: console.log,
  },
  signal,
);
const client = new HttpKubeClient({
  connection: new KubeConfigConnection(loadKubeConfig(room.cluster.kubeconfig), clock),
  ...{ clock, metrics: noMetrics, userAgent: "bench" },
});
const claimNamespaces = { names: [TENANT] };
await client.mergePatch(KINDS.zone, { name: ZONE }, { spec: { claimNamespaces } }, {}, signal);

await makeMachines();
await quiet();

/** By name: when it was seen bound, on the clock of `performance`. */
const boundAt = new Map<string, number>();
const cache = new ObjectCache<MachineClaim>();
cache.onChange((_, claim) => {
  if (claim === undefined || boundAt.has(claim.metadata.name)) return;
  if (isTrue(claim.status?.conditions, "Bound"))
    boundAt.set(claim.metadata.name, performance.now());
});
const log = createLog("bench", "warn");
const options = { client, resource: KINDS.machineClaim, cache, clock, random: Math.random, log };
const watching = new Reflector({ ...options, metrics: noMetrics }).run(signal);
await cache.synced(signal);

const cpuBefore = await cpus();
const writesBefore = await apiWrites(room.cluster, signal);
const start = performance.now();
const burst = Array.from({ length: claims }, (_, n) => `burst-${n}`);
await Promise.all(burst.map((name) => make(name)));
console.log(`made ${claims} claims in ${round(performance.now() - start)} ms`);
await untilBound(burst);
const took = (Math.max(...burst.map((name) => boundAt.get(name) ?? Number.NaN)) - start) / 1_000;
const cpu = Object.fromEntries(
  Object.entries(await cpus()).map(([who, now]) => [who, round(now - (cpuBefore[who] ?? 0))]),
);
console.log(`CPU seconds of the burst: ${JSON.stringify(cpu)}`);
const written = await apiWrites(room.cluster, signal);
const apiWritesPerClaim = writesEach(claims, writesBefore, written, ["POST machineclaims"]);

await quiet();
const stream = Array.from({ length: claims }, (_, n) => `stream-${n}`);
const madeAt = await trickle(stream);
await untilBound(stream);
const waits = stream
  .map((name) => (boundAt.get(name) ?? Number.POSITIVE_INFINITY) - (madeAt.get(name) ?? 0))
  .toSorted((a, b) => a - b);
const percentile = (share: number): number =>
  round(waits[Math.ceil(waits.length * share) - 1] ?? Number.NaN);
console.log(
  `create → Bound at ${PER_SECOND}/s: median ${percentile(0.5)} ms, worst ${percentile(1)} ms`,
);

const all = await machinesOf(room.cluster, signal);
console.log(
  JSON.stringify({
    machines,
    claims,
    bound: burst.filter((name) => boundAt.has(name)).length,
    duplicates: duplicates(all),
    seconds: round(took),
    p99Ms: percentile(0.99),
    deploy: values.deploy,
    operatorCpuSeconds: cpu["operator"],
    apiWritesPerClaim,
  }),
);
stop.abort();
await watching;

/** One machine is commissioned; the others are made after it. */
async function makeMachines(): Promise<void> {
  const [first, ...rest] = room.servers.get(ZONE) ?? [];
  if (first === undefined) throw new Error("no servers");
  await room.apply(machine(first, ZONE));
  const template = await ready(first.name);
  await room.operator[Symbol.asyncDispose](); // it would look at each as it is made, half done
  const views = new Map((await room.admin.machines(signal)).map((view) => [view.name, view]));
  const { fingerprint } = views.get(first.name) ?? { fingerprint: "" };
  const waiting = rest.entries();
  const worker = async (): Promise<void> => {
    for (const [at, server] of waiting) {
      const view = views.get(server.name);
      if (view === undefined) throw new Error(`${server.name} is not simulated`);
      const to = { server, address: view.address, fingerprint: view.fingerprint, number: at };
      await clone(client, { machine: template, tasks: [], server: first, fingerprint }, to, signal);
    }
  };
  const work = async (): Promise<void> => {
    await Promise.all(Array.from({ length: WRITERS }, worker));
  };
  await withStatusAtOnce(client, [KINDS.machine], work, signal);
  room.startOperator();
  console.log(`${machines} machines are Ready`);
}

async function ready(name: string): Promise<Machine> {
  for (;;) {
    const found = (await machinesOf(room.cluster, signal)).find(
      (one) => one.metadata.name === name,
    );
    if (found?.status?.phase === "Ready") return found;
    await clock.sleep(seconds(0.2), signal);
  }
}

/** Until the operator has looked at all that there is. */
async function quiet(): Promise<void> {
  for (let before = -1; ; ) {
    await clock.sleep(seconds(3), signal);
    const now = await cpuSeconds(room.operator.pid);
    if (before >= 0 && now - before < 0.3) return;
    before = now;
  }
}

/** Of all processes, so far. */
async function cpus(): Promise<Record<string, number>> {
  const pids = { operator: room.operator.pid, sim: room.sim.pid, ...room.cluster.pids };
  const all = Object.entries(pids).map(async ([who, pid]) => [who, await cpuSeconds(pid)] as const);
  const { user, system } = process.cpuUsage();
  return { ...Object.fromEntries(await Promise.all(all)), bench: (user + system) / 1e6 };
}

async function make(name: string): Promise<void> {
  const deploy = values.deploy ? { deploy: { imageRef: { name: room.image.name } } } : {};
  const spec = { requirements: { minCPUs: 1 }, ...deploy };
  await client.create(KINDS.machineClaim, { metadata: { name, namespace: TENANT }, spec }, signal);
}

/** Makes them at the pace of {@link PER_SECOND}; resolves to when each was asked for. */
async function trickle(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const madeAt = new Map<string, number>();
  const begin = performance.now();
  const making: Promise<void>[] = [];
  for (const [at, name] of names.entries()) {
    const due = begin + (at * 1_000) / PER_SECOND - performance.now();
    if (due > 0) await clock.sleep(seconds(due / 1_000), signal);
    madeAt.set(name, performance.now());
    making.push(make(name));
  }
  await Promise.all(making);
  return madeAt;
}

async function untilBound(names: readonly string[]): Promise<void> {
  const end = performance.now() + limit;
  while (!names.every((name) => boundAt.has(name)) && performance.now() < end) {
    await clock.sleep(seconds(0.02), signal);
  }
}

/** Claims that more than one machine says it is held by. */
function duplicates(all: readonly Machine[]): number {
  const uids = all.flatMap(({ status }) => status?.claimRef?.uid ?? []);
  return uids.length - new Set(uids).size;
}

function round(n: number): number {
  return Math.round(n * 100) / 100;
}
