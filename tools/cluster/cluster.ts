/** Starts and stops a private control plane: etcd, kube-apiserver and what else is asked for. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { apiServer, freePort } from "./api-server.ts";
import type { Program } from "./build.ts";
import { type Daemon, startDaemon, untilReady } from "./daemon.ts";
import { makeDataDir, sweepDataDirs } from "./data-dir.ts";
import { controllerManagerFlags, etcdFlags, filesIn, schedulerFlags } from "./flags.ts";
import { readKubeconfig, writeKubeconfig } from "./kubeconfig.ts";
import { openDoor } from "./netns-door.ts";
import { isAlive } from "./pid.ts";
import { findPrograms, type ProgramOptions, type Programs } from "./programs.ts";
import type { ApiAccess } from "./request.ts";

export interface ClusterOptions extends ProgramOptions {
  /** Collects owned objects and namespaces, makes default ServiceAccounts. Default true. */
  readonly controllerManager?: boolean;
  /** Default false: there are no nodes. */
  readonly scheduler?: boolean;
  /** A network namespace in which the same URL is to work too; its loopback must be up. */
  readonly netns?: string;
  /** The address in the API server's certificate and URL. Default 127.0.0.1. */
  readonly host?: string;
  /** Listen on all addresses, not on `host` alone. */
  readonly listenOnAll?: boolean;
  /** A cluster that is there already, by its admin kubeconfig: nothing is started or stopped. */
  readonly kubeconfig?: string;
}

/** A running control plane. Disposing of it leaves neither processes nor files. */
export interface Cluster extends ApiAccess, AsyncDisposable {
  /** The path of an admin kubeconfig. */
  readonly kubeconfig: string;
  /** A private folder that goes with the cluster; callers may put files there. */
  readonly dataDir: string;
  /** The path of a kubectl of the API server's version. */
  readonly kubectl: string;
  /** The processes that run now, by program. */
  readonly pids: Readonly<Partial<Record<Program, number>>>;
  /** Kills the API server, as a crash would; what etcd has stays. */
  stopApiServer(): Promise<void>;
  /** Starts it again on the same address, and waits until it is ready. */
  startApiServer(signal: AbortSignal): Promise<void>;
  restartApiServer(signal: AbortSignal): Promise<void>;
}

/** Resolves when /readyz answers 200; builds the programs first if they are not there. */
export async function startCluster(options: ClusterOptions, signal: AbortSignal): Promise<Cluster> {
  await using stack = new AsyncDisposableStack();
  await sweepDataDirs();
  const dataDir = stack.adopt(await makeDataDir(), async (path) => {
    await rm(path, { recursive: true, force: true, maxRetries: 5 });
  });
  if (options.kubeconfig !== undefined) return await joinCluster(options, stack, dataDir, signal);
  const programs = await findPrograms(programsFor(options), options, signal);
  const files = filesIn(dataDir);
  const adminToken = await writeSecrets(files);
  const daemons = new Map<Program, Daemon>();
  const run = async (name: Program, flags: readonly string[]): Promise<Daemon> => {
    const daemon = await startDaemon(name, flags, programs, dataDir);
    stack.defer(() => daemon.kill());
    daemons.set(name, daemon);
    return daemon;
  };

  const etcd = await run("etcd", etcdFlags(files));
  await untilReady(etcd, async () => existsSync(files.etcdSocket), signal);
  const host = options.host ?? "127.0.0.1";
  const bind = options.listenOnAll === true ? "0.0.0.0" : host;
  const address = { host, bind, port: await freePort(bind) };
  const server = apiServer(files, address, adminToken, programs, dataDir);
  stack.defer(() => server.stop());
  const pids = (): Cluster["pids"] => ({
    ...Object.fromEntries([...daemons].map(([name, { pid }]) => [name, pid])),
    ...(server.pid === null ? {} : { "kube-apiserver": server.pid }),
  });
  stack.adopt(
    onExit(() => [dataDir, Object.values(pids())]),
    (forget) => forget(),
  );
  await server.start(signal);
  await writeKubeconfig(files.kubeconfig, server.access);
  if (options.controllerManager !== false) {
    await run("kube-controller-manager", controllerManagerFlags(files));
  }
  if (options.scheduler === true) await run("kube-scheduler", schedulerFlags(files));
  if (options.netns !== undefined) {
    const door = await openDoor(options.netns, server.access.url, programs, dataDir, signal);
    stack.defer(() => door.kill());
    daemons.set(door.name, door);
  }

  const kept = stack.move();
  return {
    ...server.access,
    kubeconfig: files.kubeconfig,
    dataDir,
    kubectl: programs("kubectl").path,
    get pids() {
      return pids();
    },
    stopApiServer: () => server.stop(),
    startApiServer: (signal) => server.start(signal),
    restartApiServer: async (signal) => {
      await server.stop();
      await server.start(signal);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function joinCluster(
  options: ClusterOptions,
  stack: AsyncDisposableStack,
  dataDir: string,
  signal: AbortSignal,
): Promise<Cluster> {
  const kubeconfig = options.kubeconfig ?? "";
  const access = await readKubeconfig(kubeconfig, dataDir);
  const programs: Programs = await findPrograms(["kubectl"], options, signal);
  const notOurs = async (): Promise<void> => {
    throw new Error("this API server was not started by us");
  };
  const kept = stack.move();
  return {
    ...access,
    kubeconfig,
    dataDir,
    kubectl: programs("kubectl").path,
    pids: {},
    stopApiServer: notOurs,
    startApiServer: notOurs,
    restartApiServer: notOurs,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

function programsFor(options: ClusterOptions): readonly Program[] {
  const names: Program[] = ["etcd", "kube-apiserver", "kubectl"];
  if (options.controllerManager !== false) names.push("kube-controller-manager");
  if (options.scheduler === true) names.push("kube-scheduler");
  if (options.netns !== undefined) names.push("netns-door");
  return names;
}

/** Writes the key of ServiceAccount tokens and the admin's token; gives back the token. */
async function writeSecrets(files: ReturnType<typeof filesIn>): Promise<string> {
  const adminToken = randomBytes(24).toString("base64url");
  // sec1 is the form of which the API server also takes the public half.
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "sec1", format: "pem" });
  await mkdir(files.certDir);
  await writeFile(files.accountKey, pem, { mode: 0o600 });
  await writeFile(files.tokens, `${adminToken},admin,admin,system:masters\n`, { mode: 0o600 });
  return adminToken;
}

/** For a process.exit() without disposal: kills the processes and removes the folder. */
function onExit(what: () => [dataDir: string, pids: readonly number[]]): () => void {
  const leave = (): void => {
    const [dataDir, pids] = what();
    for (const pid of pids.filter(isAlive)) process.kill(pid, "SIGKILL");
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once("exit", leave);
  return () => process.removeListener("exit", leave);
}
