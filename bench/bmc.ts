/** What the BMCs of a large room cost the operator: --bmcs N (default 1000). */
import { fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { systemClock } from "#base/clock.ts";
import { createLog } from "#base/log.ts";
import { Credentials } from "#bmc/credentials.ts";
import type { BmcDriver } from "#bmc/driver.ts";
import { BmcPool } from "#bmc/pool.ts";
import { AdminClient } from "#sim/admin-client.ts";

const WORKERS = 50;

const { values } = parseArgs({ options: { bmcs: { type: "string", default: "1000" } } });
const bmcs = Number(values.bmcs);
const signal = AbortSignal.timeout(600_000);

const fleet = fork(new URL("_bmc-fleet.ts", import.meta.url).pathname, [String(bmcs)]);
const [url]: string[] = await once(fleet, "message", { signal });
const admin = new AdminClient(url ?? "");
const ca = await admin.ca(signal);
const views = await admin.machines(signal);

const pool = new BmcPool({
  clock: systemClock,
  log: createLog("bench", "error"),
  mayAsk: () => true,
});
const drivers = views.map(({ address }) =>
  pool.lease({
    address,
    credentials: new Credentials("root", "calvin"),
    credentialsVersion: "1",
    tls: { mode: "Verify", ca },
  }),
);

interface Round {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

async function round(name: string, work: (bmc: BmcDriver) => Promise<unknown>): Promise<Round> {
  const start = performance.now();
  const before = process.cpuUsage();
  const waiting = drivers.values();
  const worker = async (): Promise<void> => {
    for (const bmc of waiting) await work(bmc);
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - start) / 1_000;
  const cpuSeconds = (user + system) / 1e6;
  const rssMb = Math.round(process.memoryUsage().rss / 2 ** 20);
  console.log(`${name}: ${seconds.toFixed(2)} s, ${cpuSeconds.toFixed(2)} CPU s, ${rssMb} MB`);
  return { seconds, cpuSeconds };
}

const rounds = [
  await round("log in and observe", (bmc) => bmc.observe(signal)),
  await round("observe again", (bmc) => bmc.observe(signal)),
  await round("boot from the network", (bmc) => bmc.bootOnce("network", "UEFI", signal)),
];
const sum = (of: (one: Round) => number): number => rounds.reduce((all, one) => all + of(one), 0);
const after = await admin.machines(signal);
const requests = after.reduce((all, { bmc }) => all + bmc.requests, 0);
const rss = process.memoryUsage().rss;
await pool[Symbol.asyncDispose]();
fleet.kill();

console.log(
  JSON.stringify({
    bmcs,
    seconds: Number(sum(({ seconds }) => seconds).toFixed(2)),
    requestsPerSecond: Math.round(requests / sum(({ seconds }) => seconds)),
    overBudget: after.reduce((all, { bmc }) => all + bmc.overlaps, 0),
    operatorCpuSeconds: Number(sum(({ cpuSeconds }) => cpuSeconds).toFixed(2)),
    operatorRssMb: Math.round(rss / 2 ** 20),
  }),
);
