/**
 * A data centre on one machine: a real control plane, the operator and a rack for each zone under
 * the permissions of config/rbac, and simulated servers. For the demo, the benches and the tests.
 */
import { createSocket } from "node:dgram";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fromNumber, type Ipv4, toNumber } from "#base/ipv4.ts";
import { AdminClient } from "#sim/admin-client.ts";
import type { MachineConfig } from "#sim/fleet.ts";
import { numbered } from "#sim/numbered.ts";
import { type Installed, install } from "../../test/cluster/install.ts";
import { type Cluster, type ClusterOptions, startCluster } from "../cluster/cluster.ts";
import { makeDataDir } from "../cluster/data-dir.ts";
import { type ImageServer, serveImages } from "./images.ts";
import { bmcSecret, type ImageFile, type Manifest, NAMESPACE, osImage, zone } from "./manifests.ts";
import { applyManifest, makeNamespace } from "./objects.ts";
import { ours, type Program, startProgram } from "./program.ts";

export interface Row {
  readonly zone: string;
  readonly machines: number;
}

export interface RoomOptions {
  /** Zones, and how many servers stand in each. */
  readonly rows: readonly Row[];
  /** How many times faster than life the servers are. */
  readonly speed: number;
  readonly cluster?: ClusterOptions;
  readonly operatorArgs?: readonly string[];
  readonly rackArgs?: readonly string[];
  readonly simArgs?: readonly string[];
  /** Hears what is being done. */
  readonly say?: (text: string) => void;
}

export interface Room extends AsyncDisposable {
  readonly cluster: Cluster;
  /** With a log of each program. */
  readonly folder: string;
  readonly installed: Installed;
  readonly admin: AdminClient;
  /** As the simulator numbers them, by zone. */
  readonly servers: ReadonlyMap<string, readonly MachineConfig[]>;
  readonly sim: Program;
  readonly images: ImageServer;
  /** The image that is applied already. */
  readonly image: ImageFile;
  /** The operator that was started last. */
  readonly operator: Program;
  readonly racks: ReadonlyMap<string, Program>;
  /** Another one, with `flags` after those of the room, so that they may say otherwise. */
  startOperator(flags?: readonly string[]): Program;
  /**
   * Resolves when it serves. One that was killed is started again on the same addresses, with `flags`
   * after those of the room, so that they may say otherwise.
   */
  startRack(zone: string, flags?: readonly string[]): Promise<Program>;
  /** Creates an object as an administrator. */
  apply(manifest: Manifest): Promise<void>;
}

/** Of every simulated BMC. */
export const BMC_ACCOUNT = { username: "admin", password: "simulated" };
const PORTS = { dhcp: 6_767, proxy: 6_411, tftp: 6_969, http: 6_080, api: 6_443, bmc: 6_833 };

/** Loopback addresses of a row: everything about it is in one /16, its BMCs in another. */
function placeOf(base: number, at: number) {
  const net = `127.${base + at}`;
  return {
    rack: `${net}.255.1` as Ipv4,
    relay: `${net}.255.2` as Ipv4,
    cidr: `${net}.0.0/16`,
    reserved: [{ from: `${net}.255.0`, to: `${net}.255.255` }],
    bmcs: `127.${base + MOST_ROWS + at}.0.1` as Ipv4,
    /** Numbers tell simulated servers apart, so each row has its own. */
    first: 1 + at * 20_000,
  };
}

const MOST_ROWS = 2;
const PLACES = 60;

/** Where on loopback a room fits: several may be open at once, in different processes. */
async function freeBase(): Promise<number> {
  for (let step = 0; step < PLACES; step++) {
    const base = 4 + ((process.pid + step) % PLACES) * 2 * MOST_ROWS;
    if (await isFree(placeOf(base, 0).relay)) return base;
  }
  throw new Error("there is no room left on loopback: what else is running?");
}

async function isFree(address: string): Promise<boolean> {
  const socket = createSocket("udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind({ address, port: PORTS.dhcp, exclusive: true }, resolve);
    });
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

export async function openRoom(options: RoomOptions, signal: AbortSignal): Promise<Room> {
  const { rows, say = () => undefined } = options;
  if (rows.length > MOST_ROWS) throw new Error(`a room has ${MOST_ROWS} rows at most`);
  const base = await freeBase();
  await using stack = new AsyncDisposableStack();
  const folder = stack.adopt(await makeDataDir("room"), (path) =>
    rm(path, { recursive: true, force: true, maxRetries: 5 }),
  );
  say("starting the control plane");
  const cluster = stack.use(await startCluster(options.cluster ?? {}, signal));
  say("installing CRDs and permissions");
  const installed = stack.use(await install(cluster, signal));
  const images = stack.use(await serveImages());
  const image = images.add("debian-sim");
  await makeNamespace(cluster, NAMESPACE, signal);
  await installed.admitOperator(NAMESPACE, signal);
  const apply = (manifest: Manifest): Promise<void> => applyManifest(cluster, manifest, signal);
  const crew = stack.use(newCrew(options, { folder, installed, base }, signal));

  say("starting the simulator, the operator and the racks");
  const sim = crew.run("sim", "sim", simFlags(options, base));
  const admin = await sim.line((text) => /"admin":"([^"]+)"/.exec(text)?.[1], signal);
  crew.startOperator();
  await apply(bmcSecret(BMC_ACCOUNT));
  await apply(osImage(image));
  for (const [at, { zone: name }] of rows.entries()) await apply(zoneOf(name, base, at));
  await Promise.all(rows.map((row) => crew.startRack(row.zone)));
  const kept = stack.move();
  const { startOperator, startRack, racks } = crew;
  return {
    ...{ cluster, folder, installed, sim, images, image, racks, startOperator, startRack, apply },
    admin: new AdminClient(admin),
    servers: serversOf(rows, base),
    get operator(): Program {
      return crew.operator();
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function zoneOf(name: string, base: number, at: number): Manifest {
  const { cidr, reserved } = placeOf(base, at);
  const how = { dhcp: "Server", relayed: true } as const;
  const subnets = [{ name: "boot", cidr, ...how, ranges: { reserved } }];
  return zone(name, { topology: { zone: name }, subnets });
}

interface Place {
  readonly folder: string;
  readonly installed: Installed;
  readonly base: number;
}

/** The programs of a room, ended together and in the opposite order. */
function newCrew(
  { rows, operatorArgs = [], rackArgs = [] }: RoomOptions,
  { folder, installed, base }: Place,
  signal: AbortSignal,
) {
  const programs: Program[] = [];
  const racks = new Map<string, Program>();
  let operators: Program[] = [];
  const run = (name: string, bin: Parameters<typeof ours>[1], args: readonly string[]): Program => {
    const program = startProgram(ours(name, bin, args, folder));
    programs.push(program);
    return program;
  };
  return {
    run,
    racks,
    operator: (): Program => {
      const last = operators.at(-1);
      if (last === undefined) throw new Error("no operator was started");
      return last;
    },
    startOperator: (more: readonly string[] = []): Program => {
      const name = `operator-${operators.length}`;
      const flags = ["--kubeconfig", installed.operatorKubeconfig, "--identity", name];
      const all = [...flags, "--metrics-port", "0", ...operatorArgs, ...more];
      const program = run(name, "operator", all);
      operators = [...operators, program];
      return program;
    },
    startRack: async (zoneName: string, more: readonly string[] = []): Promise<Program> => {
      const at = rows.findIndex((row) => row.zone === zoneName);
      const kubeconfig = await installed.rackKubeconfig(zoneName, signal);
      const flags = await rackFlags(zoneName, placeOf(base, at).rack, kubeconfig, folder);
      const rack = run(`rack-${zoneName}`, "rack", [...flags, ...rackArgs, ...more]);
      racks.set(zoneName, rack);
      await rack.line((text) => (text.includes("the rack serves") ? true : undefined), signal);
      return rack;
    },
    async [Symbol.asyncDispose]() {
      for (const program of programs.toReversed()) await program[Symbol.asyncDispose]();
    },
  };
}

async function rackFlags(
  name: string,
  address: Ipv4,
  kubeconfig: string,
  folder: string,
): Promise<string[]> {
  const home = join(folder, `rack-${name}`);
  const dirs = {
    images: join(home, "images"),
    boot: join(home, "boot"),
    agent: join(home, "agent"),
  };
  for (const dir of Object.values(dirs)) await mkdir(dir, { recursive: true });
  // Simulated firmware reads the first block and goes on by itself.
  const files = [
    "boot/snponly.efi",
    "boot/undionly.kpxe",
    "boot/grubx64.efi",
    "agent/vmlinuz",
    "agent/initrd.img",
  ];
  for (const file of files) await writeFile(join(home, file), `${file}\n`.repeat(100));
  return [
    ...["--kubeconfig", kubeconfig, "--zone", name, "--name", `rack-${name}`, "--node", "loopback"],
    ...["--interfaces", JSON.stringify([{ address }])],
    ...["--dhcp-port", `${PORTS.dhcp}`, "--proxy-dhcp-port", `${PORTS.proxy}`],
    ...["--tftp-port", `${PORTS.tftp}`, "--http-port", `${PORTS.http}`],
    ...["--api-port", `${PORTS.api}`, "--health-port", "0"],
    ...["--boot-dir", dirs.boot, "--agent-dirs", JSON.stringify({ amd64: dirs.agent })],
    ...["--image-dir", dirs.images, "--lease-file", join(home, "leases")],
  ];
}

function simFlags({ rows, speed, simArgs = [] }: RoomOptions, base: number): string[] {
  const rooms = rows.map(({ zone: name, machines }, at) => {
    const { rack, bmcs, relay, first } = placeOf(base, at);
    const server = { address: rack, dhcpPort: PORTS.dhcp };
    return { zone: name, machines, first, bmcHost: bmcs, relay, rack: server };
  });
  const ports = ["--bmc-port", `${PORTS.bmc}`, "--tftp-port", `${PORTS.tftp}`];
  return ["--rooms", JSON.stringify(rooms), ...ports, "--speed", `${speed}`, ...simArgs];
}

function serversOf(rows: readonly Row[], base: number): Map<string, MachineConfig[]> {
  const of = ({ zone: name, machines: count }: Row, at: number): MachineConfig[] => {
    const { first, bmcs } = placeOf(base, at);
    const bmc = { host: fromNumber(toNumber(bmcs)), port: PORTS.bmc };
    return numbered({ count, prefix: `${name}-`, first, disks: 2, bmc });
  };
  return new Map(rows.map((row, at) => [row.zone, of(row, at)]));
}
