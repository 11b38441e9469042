/**
 * What firmware, iPXE, our agent and the system on the disk do on a simulated board: real DHCP,
 * TFTP, HTTP and TLS over loopback, simulated disks.
 */
import { readBootParameters } from "#agent/boot-parameters.ts";
import { ask } from "#agent/http.ts";
import { live } from "#agent/main-loop.ts";
import type { Clock } from "#base/clock.ts";
import { type Duration, seconds } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import type { Options } from "#netboot/dhcp/options.ts";
import { type AgentTimings, SERVER, simulatedHardware } from "./agent-hardware.ts";
import { type DhcpRelay, type Lease, lease } from "./dhcp-client.ts";
import { type IpxeResult, runIpxe } from "./ipxe.ts";
import { bootDisk } from "./local-os.ts";
import type { BootOutcome, BootProgram, SimulatedMachine } from "./machine.ts";
import { loads } from "./tftp-client.ts";

export interface PxeOptions {
  /** Where this machine's DHCP goes: its zone's rack. */
  readonly relay: (machine: SimulatedMachine) => DhcpRelay;
  readonly tftpPort: number;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly timings?: Partial<PxeTimings>;
}

/** At life's speed. */
export interface PxeTimings extends AgentTimings {
  /** From the kernel to the agent's first words. */
  readonly agentStart: Duration;
}

const LIFE: PxeTimings = { ...SERVER, agentStart: seconds(20) };
/** However fast the simulation: scripts that ask again and again must not busy the rack. */
const SHORTEST_SLEEP = seconds(0.25);
const FIRST_BLOCKS = 1;

/** Runs on every machine of a fleet. */
export function bootProgram(options: PxeOptions): BootProgram {
  return async (machine, device, signal) => {
    if (device === "disk") return bootDisk(machine, signal);
    try {
      const script = await firstStage(machine, device, options, signal);
      return script === null ? "nextDevice" : await ipxe(script, machine, options, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      // What fails on the way to an operating system gives the firmware back its turn.
      options.log.warn({ err: error, machine: machine.name, device }, "nothing booted from there");
      return "nextDevice";
    }
  };
}

/** The URL of iPXE's script, once it was loaded by the firmware; `null`: nothing to boot. */
async function firstStage(
  machine: SimulatedMachine,
  device: "network" | "http",
  options: PxeOptions,
  signal: AbortSignal,
): Promise<string | null> {
  for (const mac of machine.board.macs) {
    const relay = options.relay(machine);
    const rom = romOptions(machine, device);
    const found = await lease(relay, mac, rom, signal);
    if (found === null || !(await loaded(found, device, options, signal))) continue;
    const again = await lease(relay, mac, { ...rom, ...IPXE }, signal);
    if (again !== null) return again.bootFile;
  }
  return null;
}

const CLASSES = {
  network: { vendorClass: "PXEClient:Arch:00007:UNDI:003000", clientArch: [7] },
  http: { vendorClass: "HTTPClient:Arch:00016:UNDI:003000", clientArch: [16] },
} as const;

/** As OVMF sends them. */
const romOptions = ({ board }: SimulatedMachine, device: "network" | "http"): Options => ({
  ...CLASSES[device],
  clientInterface: Uint8Array.of(1, 3, 0),
  clientUuid: Uint8Array.from([0, ...mixedEndian(board.uuid)]),
});

/** As iPXE adds them: its user class without a length byte, and its own encapsulation (version). */
const IPXE: Options = {
  vendorClass: "PXEClient:Arch:00007:UNDI:003010",
  clientArch: [7],
  userClasses: ["iPXE"],
  ipxe: Uint8Array.of(0xeb, 3, 1, 0, 0),
};

/** Option 97 carries the first three fields little-endian (SMBIOS 3.6 section 7.2.1). */
function mixedEndian(uuid: string): Buffer {
  const bytes = Buffer.from(uuid.replaceAll("-", ""), "hex");
  for (const [from, to] of [
    [0, 4],
    [4, 6],
    [6, 8],
  ] as const)
    bytes.subarray(from, to).reverse();
  return bytes;
}

async function loaded(
  { server, bootFile }: Lease,
  device: "network" | "http",
  { tftpPort }: PxeOptions,
  signal: AbortSignal,
): Promise<boolean> {
  if (device === "http") return (await beginning(bootFile, signal)) !== null;
  const read = { address: server, port: tftpPort, name: bootFile, blocks: FIRST_BLOCKS };
  return loads(read, signal);
}

async function ipxe(
  script: string,
  machine: SimulatedMachine,
  options: PxeOptions,
  signal: AbortSignal,
): Promise<BootOutcome> {
  const mac = (machine.board.macs[0] ?? "").replaceAll(":", "-");
  const settings = { "netX/mac:hexhyp": mac, platform: "efi" };
  const deps = { settings, fetch: beginning, sleep: napping(machine, options) };
  const result: IpxeResult = await runIpxe(script, deps, signal);
  if (result.kind === "Exit") return "nextDevice";
  if (result.kind === "Local") return bootDisk(machine, signal);
  return agent(result.commandLine, machine, options, signal);
}

const napping =
  (machine: SimulatedMachine, { clock }: PxeOptions) =>
  async (time: number, signal: AbortSignal): Promise<void> => {
    await Promise.all([machine.wait(seconds(time), signal), clock.sleep(SHORTEST_SLEEP, signal)]);
  };

async function agent(
  commandLine: string,
  machine: SimulatedMachine,
  options: PxeOptions,
  signal: AbortSignal,
): Promise<BootOutcome> {
  const { clock, random, log } = options;
  const timings = { ...LIFE, ...options.timings };
  await machine.wait(timings.agentStart, signal);
  const boot = readBootParameters(commandLine);
  if (boot === null) return "halt"; // some other system in RAM
  const hardware = simulatedHardware(machine, timings);
  const say = (line: string): void => log.debug({ machine: machine.name }, line);
  const ending = await live({ boot, hardware, clock, random, log: say }, signal);
  return ending === "Reboot" ? "reboot" : "powerOff";
}

/** Scripts are short, programs only recognized: a megabyte of GRUB for each boot says nothing. */
const ENOUGH = 65_536;

/** The beginning of what is behind a URL; `null` if it cannot be had. */
async function beginning(url: string, signal: AbortSignal): Promise<Buffer | null> {
  try {
    const response = await ask({ url: new URL(url) }, signal);
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= ENOUGH) break; // which closes the connection
    }
    return response.statusCode === 200 ? Buffer.concat(chunks) : null;
  } catch {
    signal.throwIfAborted();
    return null;
  }
}
