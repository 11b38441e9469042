/** The far end of bmc.ts, in a process of its own so that its CPU is not counted. */
import { systemClock } from "#base/clock.ts";
import { parseIpv4 } from "#base/ipv4.ts";
import { createLog } from "#base/log.ts";
import { startFleet } from "#sim/fleet.ts";
import { numbered } from "#sim/numbered.ts";

const [count = "1000"] = process.argv.slice(2);
const host = parseIpv4("127.64.0.1");
if (host === null) throw new Error("an address");

const fleet = await startFleet(
  {
    machines: numbered({
      count: Number(count),
      prefix: "m-",
      first: 1,
      bmc: { host, port: 0 },
      disks: 1,
    }),
    account: { username: "root", password: "calvin" },
    speed: 1_000,
    admin: { host: "127.0.0.1", port: 0 },
  },
  {
    clock: systemClock,
    log: createLog("fleet", "error"),
    boot: (_, __, signal) =>
      new Promise((resolve) => signal.addEventListener("abort", () => resolve("halt"))),
  },
  new AbortController().signal,
);
process.send?.(fleet.adminUrl);
