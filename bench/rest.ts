/**
 * What N machines at rest cost the operator, half of them Deployed and half free, with T tasks each:
 * --machines N (default 10000), --tasks T (default 3), --minutes M of watching (default 5).
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { KINDS } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import { systemClock } from "#base/clock.ts";
import { minutes, seconds } from "#base/duration.ts";
import { parseIpv4 } from "#base/ipv4.ts";
import type { KubeObject, Resource } from "#base/object.ts";
import { KubeConfigConnection, loadKubeConfig } from "#kube/connection.ts";
import { HttpKubeClient } from "#kube/http-client.ts";
import { noMetrics } from "#kube/metrics.ts";
import { AdminClient } from "#sim/admin-client.ts";
import type { MachineConfig } from "#sim/fleet.ts";
import { numbered } from "#sim/numbered.ts";
import { machine, NAMESPACE } from "../tools/room/manifests.ts";
import { machinesOf, tasksOf } from "../tools/room/objects.ts";
import { BMC_ACCOUNT, openRoom } from "../tools/room/room.ts";
import { type Clone, clone, type Template, withStatusAtOnce } from "./_clones.ts";
import { cpuSeconds, rssMb } from "./_process.ts";

const { values } = parseArgs({
  options: {
    machines: { type: "string", default: "10000" },
    tasks: { type: "string", default: "3" },
    minutes: { type: "string", default: "5" },
  },
});
const count = Number(values.machines);
const tasks = Number(values.tasks);
const length = minutes(Number(values.minutes));
const ZONE = "rest";
const FIRST = 1_001; // the clones' numbers; the room's own begin with 1
const WRITERS = 48;
const clock = systemClock;
const stop = new AbortController();
const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(minutes(60))]);

await using room = await openRoom(
  {
    rows: [{ zone: ZONE, machines: 2 }],
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

const limits = { maxReleasesPerHour: 1_000 };
await client.mergePatch(KINDS.zone, { name: ZONE }, { spec: { limits } }, {}, signal);
const [deployed, free] = await templates();
await room.operator[Symbol.asyncDispose](); // a rested machine is to be found by a fresh one
for (const rack of room.racks.values()) await rack[Symbol.asyncDispose]();
const { fleet, clones } = await startClones();
await withStatusAtOnce(client, [KINDS.machine, KINDS.machineTask], writeAll, signal);
await watch();
stop.abort();
fleet.kill();

/** A machine that is Deployed for the second time, and one that was released: each has had tasks. */
async function templates(): Promise<readonly [Template, Template]> {
  const servers = room.servers.get(ZONE) ?? [];
  console.log("bringing two machines to rest");
  const names = servers.map(({ name }) => name);
  for (const server of servers) await room.apply(machine(server, ZONE, deploy()));
  await phase(names, "Deployed");
  for (const name of names) await edit(name, { deploy: null });
  await phase(names, "Ready");
  await edit(names[0] ?? "", deploy());
  await phase(names.slice(0, 1), "Deployed");
  const made = await Promise.all(servers.map(templateOf));
  const [one, other] = made;
  if (one === undefined || other === undefined) throw new Error("two servers are expected");
  return [one, other];
}

function deploy() {
  return { deploy: { imageRef: { name: room.image.name } } };
}

async function templateOf(server: MachineConfig): Promise<Template> {
  const { name } = server;
  const found = (await machinesOf(room.cluster, signal)).find((one) => one.metadata.name === name);
  if (found === undefined) throw new Error(`${name} is gone`);
  const mine = (await tasksOf(room.cluster, signal))
    .filter(({ spec }) => spec.machineRef.name === name)
    .toSorted((a, b) => a.spec.epoch - b.spec.epoch)
    .slice(-tasks);
  const { fingerprint } = await room.admin.machine(name, signal);
  return { machine: found, tasks: mine, server, fingerprint };
}

async function edit(name: string, spec: object): Promise<void> {
  await client.mergePatch(KINDS.machine, { namespace: NAMESPACE, name }, { spec }, {}, signal);
}

async function phase(names: readonly string[], wanted: string): Promise<void> {
  const is = ({ metadata, status }: Machine): boolean =>
    !names.includes(metadata.name) || status?.phase === wanted;
  while (!(await machinesOf(room.cluster, signal)).every(is)) {
    await clock.sleep(seconds(0.2), signal);
  }
}

async function startClones() {
  console.log(`starting ${count} BMCs`);
  const args = [`${count}`, `${FIRST}`, BMC_ACCOUNT.username, BMC_ACCOUNT.password];
  const fleet = fork(new URL("_rest-fleet.ts", import.meta.url).pathname, args);
  const [url]: string[] = await once(fleet, "message", { signal });
  const views = await new AdminClient(url ?? "").machines(signal);
  const host = parseIpv4("127.192.0.1");
  if (host === null) throw new Error("an address");
  const servers = numbered({
    ...{ count, prefix: "rest-", first: FIRST, disks: 2 },
    bmc: { host, port: 6_834 },
  });
  const clones = servers.map((server, at): Clone => {
    const { address = "", fingerprint = "" } = views[at] ?? {};
    const power = at % 2 === 0 ? "On" : "Off"; // as in _rest-fleet.ts
    return { server, address, fingerprint, power, number: at };
  });
  return { fleet, clones };
}

async function writeAll(): Promise<void> {
  const start = performance.now();
  const waiting = clones.entries();
  let done = 0;
  const worker = async (): Promise<void> => {
    for (const [at, one] of waiting) {
      await clone(client, at % 2 === 0 ? deployed : free, one, signal);
      done++;
      if (done % 1_000 === 0) console.log(`${done} Machines written`);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, worker));
  const took = (performance.now() - start) / 1_000;
  console.log(`${count} Machines with ${tasks} tasks each in ${took.toFixed(0)} s`);
}

/** BMC requests so far. */
async function requests(): Promise<number> {
  fleet.send({});
  const [total]: number[] = await once(fleet, "message", { signal });
  return total ?? 0;
}

/** Machines and tasks that were written after that version; of rested ones none should be. */
async function writtenSince(version: number): Promise<number> {
  let written = 0;
  for (const resource of [KINDS.machine, KINDS.machineTask]) {
    for await (const object of everything(resource)) {
      if (Number(object.metadata.resourceVersion) <= version) continue;
      written++;
    }
  }
  return written;
}

async function* everything(resource: Resource): AsyncGenerator<KubeObject> {
  let page = await client.list(resource, { limit: 500 }, signal);
  yield* page.items;
  while (page.continue !== undefined) {
    page = await client.list(resource, { limit: 500, continue: page.continue }, signal);
    yield* page.items;
  }
}

async function newest(): Promise<number> {
  return Number((await client.list(KINDS.machine, { limit: 1 }, signal)).resourceVersion);
}

async function watch(): Promise<void> {
  const operator = room.startOperator(["--log-level", "info"]); // it tells its port
  const port = await operator.line((text) => /"metricsPort":(\d+)/.exec(text)?.[1], signal);
  const start = performance.now();
  const ready = `http://127.0.0.1:${port}/readyz`;
  while (!(await fetch(ready, { signal })).ok) await pause(1);
  const readySeconds = (performance.now() - start) / 1_000;
  // Until it has looked at all that is there.
  for (let before = -1, now = 0; now > before; ) {
    before = now;
    await pause(20);
    now = await cpuSeconds(operator.pid);
    console.log(`${now.toFixed(1)} CPU s, ${(await rssMb(operator.pid)).toFixed(0)} MB`);
    if (now - before < 0.1 * 20) break;
  }
  const startCpuSeconds = await cpuSeconds(operator.pid);
  const asked = await requests();
  const version = await newest();
  const [cpu, from] = [await cpuSeconds(operator.pid), performance.now()];
  let peakMb = 0;
  while (performance.now() - from < length) {
    await pause(5);
    peakMb = Math.max(peakMb, await rssMb(operator.pid));
  }
  const took = (performance.now() - from) / 1_000;
  const spent = (await cpuSeconds(operator.pid)) - cpu;
  const bmcRequests = (await requests()) - asked;
  console.log(
    JSON.stringify({
      machines: count,
      tasksEach: tasks,
      readySeconds: round(readySeconds),
      startCpuSeconds: round(startCpuSeconds),
      operatorRssMb: Math.round(peakMb),
      operatorCpuPercent: round((spent / took) * 100),
      bmcRequestsPerSecond: round(bmcRequests / took),
      written: await writtenSince(version),
      watchedSeconds: Math.round(took),
    }),
  );
}

function pause(time: number): Promise<void> {
  return clock.sleep(seconds(time), signal);
}

function round(n: number): number {
  return Math.round(n * 100) / 100;
}
