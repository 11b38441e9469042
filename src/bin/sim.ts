/** The simulator: rooms of servers behind real protocols on loopback. */
import { z } from "zod";
import { systemClock } from "#base/clock.ts";
import { type Ipv4, parseIpv4 } from "#base/ipv4.ts";
import { createLog, type Log } from "#base/log.ts";
import { DhcpRelay } from "#sim/dhcp-client.ts";
import { startFleet } from "#sim/fleet.ts";
import { numbered } from "#sim/numbered.ts";
import { bootProgram } from "#sim/pxe-client.ts";
import { readConfig } from "./config.ts";

const Address = z.string().transform((text, context): Ipv4 => {
  const address = parseIpv4(text);
  if (address !== null) return address;
  context.addIssue({ code: "custom", message: "an IPv4 address is expected" });
  return z.NEVER;
});

const Room = z.strictObject({
  zone: z.string().min(1).max(40).describe("Its machines are called <zone>-0001 and so on."),
  machines: z.int().min(1).max(20_000),
  first: z.int().min(1).default(1).describe("Number of the first: numbers tell machines apart."),
  bmcHost: Address.describe("The first BMC's address; the others follow."),
  relay: Address.describe("The room's DHCP relay: an address of this host in the zone's subnet."),
  rack: z.strictObject({
    address: Address,
    dhcpPort: z.int().min(1).max(65_535),
  }),
});

const Config = z.object({
  rooms: z.array(Room).min(1),
  bmcPort: z.int().min(1).max(65_535).default(8_443),
  tftpPort: z.int().min(1).max(65_535).default(69).describe("Of all racks."),
  disks: z.int().min(1).max(26).default(2),
  speed: z.number().min(0.1).max(10_000).default(1).describe("How many times faster than life."),
  username: z.string().default("admin"),
  password: z.string().default("simulated").describe("Of every BMC; nothing real is behind it."),
  adminPort: z.int().min(0).max(65_535).default(0).describe("On 127.0.0.1; 0: any."),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("warn"),
});
type Config = z.output<typeof Config>;

async function run(config: Config, log: Log, signal: AbortSignal): Promise<void> {
  const { rooms, bmcPort, tftpPort, disks, speed, username, password, adminPort } = config;
  const relays = new Map<string, DhcpRelay>();
  const machines = [];
  for (const { zone, rack, machines: count, first, bmcHost, relay: giaddr } of rooms) {
    const server = { address: rack.address, port: rack.dhcpPort };
    const relay = await DhcpRelay.open(giaddr, server, signal);
    const bmc = { host: bmcHost, port: bmcPort };
    const room = numbered({ count, prefix: `${zone}-`, first, bmc, disks });
    for (const { name } of room) relays.set(name, relay);
    machines.push(...room);
  }
  const relayOf = ({ name }: { readonly name: string }): DhcpRelay => {
    const found = relays.get(name);
    if (found === undefined) throw new Error(`no room has a machine ${name}`);
    return found;
  };
  const clock = systemClock;
  const boot = bootProgram({ relay: relayOf, tftpPort, clock, random: Math.random, log });
  const admin = { host: "127.0.0.1" as Ipv4, port: adminPort };
  await using fleet = await startFleet(
    { machines, account: { username, password }, speed, admin },
    { clock, log, boot },
    signal,
  );
  console.log(JSON.stringify({ ready: true, machines: machines.length, admin: fleet.adminUrl }));
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  for (const relay of new Set(relays.values())) await relay[Symbol.asyncDispose]();
}

const config = readConfig(Config, "STEELYARD_SIM", process.argv.slice(2), process.env);
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
process.once("SIGINT", () => stop.abort());
await run(config, createLog("sim", config.logLevel), stop.signal);
