/**
 * A site with real firmware: a network namespace with a bridge, a rack in it on its real ports, and
 * outside of it the API server, the operator, and the BMCs of the virtual machines.
 */
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFailed } from "vitest";
import type { MachineSpec } from "#api/machine.ts";
import { type Cluster, startCluster } from "../../tools/cluster/cluster.ts";
import {
  bmcSecret,
  type Manifest,
  machine,
  NAMESPACE,
  osImage,
  zone,
} from "../../tools/room/manifests.ts";
import { applyManifest, makeNamespace } from "../../tools/room/objects.ts";
import { ours, type Program, type ProgramOptions, startProgram } from "../../tools/room/program.ts";
import { type Artifacts, artifacts, cacheDir } from "../../tools/setup/artifacts.ts";
import { ACCOUNT, type Host } from "../../tools/vm-lab/host.ts";
import { createLab, type Lab, RACK_ADDRESS } from "../../tools/vm-lab/lab.ts";
import {
  LAB_SUBNET,
  labRack,
  serves,
  webPort,
  webServer,
  within,
} from "../../tools/vm-lab/rack.ts";
import { type Installed, install } from "../cluster/install.ts";
import { createTimeline, type Timeline } from "./timeline.ts";
import { openView, type View } from "./view.ts";

export const ZONE = "cellar";
export const IMAGE = "debian";

export interface SiteOptions {
  /** For the logs that are kept: `<cache>/e2e/<name>`. */
  readonly name: string;
  readonly taps?: number;
  readonly rackArgs?: readonly string[];
}

export interface Site extends AsyncDisposable {
  readonly lab: Lab;
  readonly cluster: Cluster;
  readonly built: Artifacts;
  readonly view: View;
  readonly timeline: Timeline;
  /** What machines posted to the test's web server. */
  readonly posts: readonly Post[];
  /** Where machines post. */
  readonly webUrl: string;
  readonly fetches: readonly string[];
  operator(): Program;
  rack(): Program;
  startOperator(): Program;
  /** Resolves when it serves. */
  startRack(): Promise<Program>;
  apply(manifest: Manifest): Promise<void>;
  /** Applies the Machine of a host. */
  enrol(host: Host, spec?: Parameters<typeof machine>[2]): Promise<void>;
  /** Starts a program of somebody else's inside. */
  startIn(name: string, argv: readonly [string, ...string[]]): Program;
  /** What a program has said so far. */
  log(name: string): Promise<string>;
  /** The end of each log, for the message of a failure. */
  tails(): Promise<string>;
}

export interface Post {
  readonly at: number;
  readonly path: string;
  readonly body: string;
}

/** Needs root, QEMU, and what tools/setup makes. */
export async function openSite(options: SiteOptions, signal: AbortSignal): Promise<Site> {
  const { name, taps = 1, rackArgs = [] } = options;
  await using stack = new AsyncDisposableStack();
  const built = await artifacts();
  const lab = stack.use(await createLab({ taps }, signal));
  stack.defer(() => keepLogs(lab, name));
  const cluster = stack.use(await startCluster({ netns: lab.netns }, signal));
  const installed = stack.use(await install(cluster, signal));
  await makeNamespace(cluster, NAMESPACE, signal);
  await installed.admitOperator(NAMESPACE, signal);
  const apply = (manifest: Manifest): Promise<void> => applyManifest(cluster, manifest, signal);
  const timeline = createTimeline();
  const view = stack.use(await openView(cluster.kubeconfig, timeline));
  const programs = stack.use(newPrograms());
  const web = await serveWeb(lab, built, programs.start, signal);
  const crew = newCrew({ lab, built, installed, rackArgs }, programs.start, signal);
  crew.startOperator();
  await apply(bmcSecret(ACCOUNT));
  await apply(
    osImage({
      name: IMAGE,
      url: `${web.webUrl}/os.raw.zst`,
      compression: "zstd",
      digest: `sha256:${built.os.zst.sha256}`,
      sizeBytes: built.os.raw.sizeBytes,
    }),
  );
  await apply(zone(ZONE, { subnets: [LAB_SUBNET] }));
  await crew.startRack();
  const kept = stack.move();
  return {
    ...{ lab, cluster, built, view, timeline, ...web, ...crew, apply },
    enrol: (host, spec) => apply(manifestOf(host, spec)),
    startIn: (name, [file, ...args]) =>
      programs.start(within(lab, { name, file, args, folder: lab.folder })),
    log: (name) => readFile(join(lab.folder, `${name}.log`), "utf8"),
    tails: () => tails(lab, programs.all),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** For a test: when it fails, the ends of all logs are printed. */
export const tellWhy = (site: Site): void =>
  onTestFailed(async () => console.log(await site.tails()));

function manifestOf(
  { name, vm, bmcAddress }: Host,
  spec: Parameters<typeof machine>[2] = {},
): Manifest {
  const made = machine(
    { name, endpoint: { host: "", port: 0 }, board: vm.machine.board } as Parameters<
      typeof machine
    >[0],
    ZONE,
    spec,
  );
  const { bmc } = made["spec"] as MachineSpec;
  return {
    ...made,
    spec: {
      ...(made["spec"] as object),
      location: { rack: "cellar-r1" },
      bmc: { ...bmc, address: bmcAddress },
    },
  };
}

function newPrograms() {
  const all: Program[] = [];
  return {
    all,
    start: (options: ProgramOptions): Program => {
      const program = startProgram(options);
      all.push(program);
      return program;
    },
    async [Symbol.asyncDispose]() {
      for (const program of all.toReversed()) await program[Symbol.asyncDispose]();
    },
  };
}

type Start = (options: ProgramOptions) => Program;

async function serveWeb(lab: Lab, built: Artifacts, start: Start, signal: AbortSignal) {
  const program = start(webServer(lab, built, lab.folder));
  const posts: Post[] = [];
  const fetches: string[] = [];
  const take = (text: string): void => {
    const said = JSON.parse(text) as { posted?: string; body?: string; fetched?: string };
    if (said.fetched !== undefined) fetches.push(said.fetched);
    if (said.posted === undefined) return;
    posts.push({ at: Date.now(), path: said.posted, body: said.body ?? "" });
  };
  // nothing is found, so that it goes on looking
  void program.line((text) => take(text) as undefined, signal).catch(() => {});
  const port = await program.line(webPort, signal);
  return { posts, fetches, webUrl: `http://${RACK_ADDRESS}:${port}` };
}

interface Place {
  readonly lab: Lab;
  readonly built: Artifacts;
  readonly installed: Installed;
  readonly rackArgs: readonly string[];
}

function newCrew({ lab, built, installed, rackArgs }: Place, start: Start, signal: AbortSignal) {
  const operators: Program[] = [];
  const racks: Program[] = [];
  const { folder } = lab;
  return {
    operator: (): Program => last(operators),
    rack: (): Program => last(racks),
    startOperator: (): Program => {
      const name = `operator-${operators.length}`;
      const flags = ["--kubeconfig", installed.operatorKubeconfig, "--identity", name];
      const more = ["--metrics-port", "0", "--metrics-address", "127.0.0.1"];
      const program = start(ours(name, "operator", [...flags, ...more], folder));
      operators.push(program);
      return program;
    },
    startRack: async (): Promise<Program> => {
      const kubeconfig = await installed.rackKubeconfig(ZONE, signal);
      const names = { zone: ZONE, name: "rack-1", program: `rack-${racks.length}` };
      const program = start(
        await labRack(lab, built, { ...names, kubeconfig, folder, args: rackArgs }),
      );
      racks.push(program);
      await program.line(serves, signal);
      return program;
    },
  };
}

function last(programs: readonly Program[]): Program {
  const program = programs.at(-1);
  if (program === undefined) throw new Error("it was not started");
  return program;
}

async function tails({ folder }: Lab, programs: readonly Program[]): Promise<string> {
  const files = [
    ...programs.map(({ logFile }) => logFile),
    ...[0, 1].map((at) => join(folder, `vm${at}`, "console.log")),
  ];
  const parts = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(file, "latin1").catch(() => "");
      return `--- ${file}\n${text.split("\n").slice(-25).join("\n")}`;
    }),
  );
  return parts.join("\n");
}

/** Logs outlive the lab; disks and images do not. */
async function keepLogs({ folder }: Lab, name: string): Promise<void> {
  const filter = (path: string): boolean => !/\.(raw|fd|sock)$|\/images$/.test(path);
  await cp(folder, join(cacheDir(), "e2e", name), { recursive: true, force: true, filter });
}
