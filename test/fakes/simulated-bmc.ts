import { type Clock, systemClock } from "#base/clock.ts";
import { createLog } from "#base/log.ts";
import { parseMac } from "#base/mac.ts";
import { Credentials } from "#bmc/credentials.ts";
import type { BmcDriver } from "#bmc/driver.ts";
import { openGate } from "#bmc/gate.ts";
import { type OpenDeps, openBmc } from "#bmc/open.ts";
import { type Board, type BootProgram, SimulatedMachine } from "#sim/machine.ts";
import { GENERIC, type Personality } from "#sim/personality.ts";
import { RedfishBmc } from "#sim/redfish-bmc.ts";
import { RedfishServer } from "#sim/redfish-server.ts";
import { LIFE, SimulatedBackEnd } from "#sim/simulated.ts";

export const ACCOUNT = { username: "root", password: "calvin-secret" };

/** Board `n` of a room full of the same. */
export function board(n: number): Board {
  const hex = n.toString(16).padStart(12, "0");
  const mac = parseMac(`5254${hex.slice(4)}`);
  if (mac === null) throw new Error("too many boards");
  return {
    uuid: `4c4c4544-0035-5810-8054-${hex}`,
    serial: `SN-${n}`,
    manufacturer: "Steelyard",
    model: "Simulated",
    macs: [mac],
    cpuCores: 8,
    memoryGiB: 64,
  };
}

/** Software that runs until the power goes. */
export const runForEver: BootProgram = (_, __, signal) =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve("halt")));

/** One board at a thousand times life's speed, with two blank disks. */
export function machine(
  n: number,
  boot = runForEver,
  clock: Clock = systemClock,
): SimulatedMachine {
  const log = createLog("sim", "fatal");
  const disk = (name: string) => ({
    name,
    wwn: `0x5000c500${n.toString(16).padStart(7, "0")}${name.at(-1)}`,
    serial: `D${n}${name}`,
    model: "Simulated",
    sizeBytes: 64 * 1024 ** 3,
    rotational: false,
    logicalSectorBytes: 512 as const,
  });
  return new SimulatedMachine(
    {
      name: `m${n}`,
      board: board(n),
      disks: [disk("sda"), disk("sdb")],
      bootOrder: ["network", "disk"],
      speed: 1_000,
      clock,
    },
    (made) => new SimulatedBackEnd(made, { boot, timings: LIFE, log }),
  );
}

export interface Simulated extends AsyncDisposable {
  readonly server: RedfishServer;
  readonly bmc: RedfishBmc;
  readonly address: string;
  open(deps?: Partial<OpenDeps>): BmcDriver;
}

/** A simulated machine with its BMC on loopback. */
export async function startSimulated(personality: Partial<Personality> = {}): Promise<Simulated> {
  const server = new RedfishServer();
  const bmc = new RedfishBmc(machine(1), {
    personality: { ...GENERIC, ...personality },
    account: ACCOUNT,
    clock: systemClock,
  });
  const address = await server.add("m1", bmc, { host: "127.0.0.1", port: 0 });
  const credentials = new Credentials(ACCOUNT.username, ACCOUNT.password);
  return {
    server,
    bmc,
    address,
    open: (deps) =>
      openBmc(
        address,
        credentials,
        { mode: "Verify", ca: server.ca.certificate },
        { clock: systemClock, gate: openGate, ...deps },
      ),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await bmc.machine[Symbol.asyncDispose]();
    },
  };
}
