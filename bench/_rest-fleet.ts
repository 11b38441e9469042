/**
 * The BMCs of rest.ts, in a process of its own so that their CPU is not counted. Arguments: how many,
 * number of the first. Of each two machines the first is on, and runs something that does nothing.
 * Tells the admin URL, and after that answers each message with the requests so far.
 */
import { systemClock } from "#base/clock.ts";
import { parseIpv4 } from "#base/ipv4.ts";
import { createLog } from "#base/log.ts";
import { startFleet } from "#sim/fleet.ts";
import { numbered } from "#sim/numbered.ts";

const [count = "1000", first = "1", username = "", password = ""] = process.argv.slice(2);
const host = parseIpv4("127.192.0.1");
if (host === null) throw new Error("an address");

const machines = numbered({
  ...{ count: Number(count), first: Number(first), prefix: "rest-", disks: 2 },
  bmc: { host, port: 6_834 },
});
const fleet = await startFleet(
  {
    ...{ machines, account: { username, password }, speed: 10_000 },
    admin: { host: "127.0.0.1", port: 0 },
  },
  { clock: systemClock, log: createLog("fleet", "error"), boot: async () => "halt" },
  new AbortController().signal,
);
const bmcs = machines.map(({ name }) => fleet.bmcs.get(name));
for (const [at, bmc] of bmcs.entries()) if (at % 2 === 0) await bmc?.machine.press("on");
process.on("message", () => {
  process.send?.(bmcs.reduce((sum, bmc) => sum + (bmc?.counters.requests ?? 0), 0));
});
process.send?.(fleet.adminUrl);
process.on("disconnect", () => process.exit()); // however the bench ends
