import type { Clock } from "#base/clock.ts";
import type { Log } from "#base/log.ts";
import { type Admin, startAdmin } from "./admin.ts";
import type { DiskContent, DiskModel } from "./disk.ts";
import {
  type BackEnd,
  type Board,
  type BootDevice,
  type BootProgram,
  SimulatedMachine,
} from "./machine.ts";
import { GENERIC, type Personality } from "./personality.ts";
import { QemuBackEnd } from "./qemu.ts";
import type { QemuConfig } from "./qemu-args.ts";
import { type Account, RedfishBmc } from "./redfish-bmc.ts";
import { type Endpoint, RedfishServer } from "./redfish-server.ts";
import { LIFE, SimulatedBackEnd, type Timings } from "./simulated.ts";

export interface MachineConfig {
  readonly name: string;
  /** Where its BMC listens. Port 0: any. */
  readonly endpoint: Endpoint;
  readonly board: Board;
  readonly disks: readonly (DiskModel & { readonly content?: DiskContent })[];
  readonly bootOrder: readonly BootDevice[];
  readonly backEnd: { readonly kind: "simulated" } | ({ readonly kind: "qemu" } & QemuConfig);
  readonly personality?: Partial<Personality>;
}

export interface FleetConfig {
  readonly machines: readonly MachineConfig[];
  /** Of each BMC. */
  readonly account: Account;
  /** How many times faster than life. Real virtual machines do not care. */
  readonly speed: number;
  readonly timings?: Partial<Timings>;
  /** Where the admin HTTP listens, loopback only; `null`: nowhere. */
  readonly admin: Endpoint | null;
}

export interface FleetDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** What runs on machines that are simulated. */
  readonly boot: BootProgram;
}

/** Machines with their BMCs, up and reachable. */
export interface Fleet extends AsyncDisposable {
  readonly server: RedfishServer;
  /** By name. */
  readonly bmcs: ReadonlyMap<string, RedfishBmc>;
  /** As `http://127.0.0.1:port`; `null` without an admin endpoint. */
  readonly adminUrl: string | null;
}

/**
 * Starts machines, all off, and their BMCs. The end of `signal` stops everything, as disposing
 * does: virtual machines are killed.
 */
export async function startFleet(
  config: FleetConfig,
  deps: FleetDeps,
  signal: AbortSignal,
): Promise<Fleet> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(new RedfishServer());
  const bmcs = new Map<string, RedfishBmc>();
  for (const one of config.machines) {
    signal.throwIfAborted();
    const machine = stack.use(machineOf(one, config, deps));
    const { account } = config;
    const personality = { ...GENERIC, ...one.personality };
    const bmc = new RedfishBmc(machine, { personality, account, clock: deps.clock });
    bmcs.set(one.name, bmc);
    await server.add(one.name, bmc, one.endpoint);
  }
  const admin = config.admin === null ? null : stack.use(await adminOf(config.admin, server, bmcs));
  const all = stack.move();
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopped ??= all.disposeAsync();
    return stopped;
  };
  signal.addEventListener("abort", () => void stop(), { once: true });
  return { server, bmcs, adminUrl: admin?.url ?? null, [Symbol.asyncDispose]: stop };
}

const adminOf = (
  endpoint: Endpoint,
  server: RedfishServer,
  bmcs: ReadonlyMap<string, RedfishBmc>,
): Promise<Admin> => startAdmin({ server, bmcs }, endpoint);

function machineOf(one: MachineConfig, config: FleetConfig, deps: FleetDeps): SimulatedMachine {
  const { name, board, disks, bootOrder, backEnd } = one;
  const { speed } = config;
  const timings = { ...LIFE, ...config.timings };
  const powered = (machine: SimulatedMachine): BackEnd =>
    backEnd.kind === "qemu"
      ? new QemuBackEnd(machine, backEnd, deps)
      : new SimulatedBackEnd(machine, { ...deps, timings });
  return new SimulatedMachine({ name, board, disks, bootOrder, speed, clock: deps.clock }, powered);
}
