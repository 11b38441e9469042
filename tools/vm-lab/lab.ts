import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addNetns, inside, isAlive, removeNetns, run } from "./netns.ts";

/** The address and network of the rack's bridge; it routes nowhere. */
export const RACK_ADDRESS = "10.88.0.1";
export const BRIDGE = "br0";
const PREFIX = "steelyard-lab-";

/**
 * A room to boot machines in: a network namespace with a bridge (10.88.0.1/24, fd88::1/64) and taps,
 * and a folder. All of it goes with the lab, and what a killed process left goes with the next lab.
 */
export interface Lab extends AsyncDisposable {
  readonly netns: string;
  readonly folder: string;
  readonly taps: readonly string[];
  /** Starts a program inside. It dies with us, or with the lab. Its output is piped. */
  spawn(argv: readonly [string, ...string[]], env?: NodeJS.ProcessEnv): ChildProcess;
  /** Runs a program inside to its end and gives what it printed. */
  run(argv: readonly [string, ...string[]], signal: AbortSignal): Promise<string>;
  /** A blank, sparse disk. @returns the file's path */
  disk(name: string, sizeBytes: number): Promise<string>;
  /** Writes down all that passes the bridge and the filter (as tcpdump knows it). @returns the file's path */
  capture(name: string, filter: string): string;
}

export interface LabOptions {
  /** How many machines can be plugged in. */
  readonly taps: number;
}

/** Needs root, and the programs ip and setpriv. */
export async function createLab({ taps }: LabOptions, signal: AbortSignal): Promise<Lab> {
  await using stack = new AsyncDisposableStack();
  const always = new AbortController().signal; // cleaning up is not aborted
  await sweepFolders();
  const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const netns = await addNetns(signal);
  stack.defer(() => removeNetns(netns, always));
  const names = Array.from({ length: taps }, (_, at) => `tap${at}`);
  await bridge(netns, names, signal);
  const all = stack.move();
  const start: Lab["spawn"] = (argv, env = process.env) => {
    const [file, ...args] = inside(netns, argv);
    return spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], env });
  };
  return {
    netns,
    folder,
    taps: names,
    spawn: start,
    run: (argv, stop) => run(inside(netns, argv), stop),
    disk: async (name, sizeBytes) => {
      const path = join(folder, name);
      await writeFile(path, "");
      await truncate(path, sizeBytes);
      return path;
    },
    capture: (name, filter) => {
      const path = join(folder, name);
      start(["tcpdump", "-U", "-i", BRIDGE, "-w", path, filter]).stderr?.resume();
      return path;
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Removes the folders of processes that are gone: there may be gigabytes of disks in them. */
async function sweepFolders(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(PREFIX));
  const left = names.filter((name) => !isAlive(Number.parseInt(name.slice(PREFIX.length), 10)));
  await Promise.all(left.map((name) => rm(join(tmpdir(), name), { recursive: true, force: true })));
}

async function bridge(netns: string, taps: readonly string[], signal: AbortSignal): Promise<void> {
  const ip = (...args: string[]) => run(["ip", "-n", netns, ...args], signal);
  await ip("link", "add", BRIDGE, "type", "bridge", "forward_delay", "0", "stp_state", "0");
  await ip("addr", "add", `${RACK_ADDRESS}/24`, "dev", BRIDGE);
  await ip("addr", "add", "fd88::1/64", "dev", BRIDGE, "nodad");
  await ip("link", "set", BRIDGE, "up");
  for (const tap of taps) {
    await run(inside(netns, ["ip", "tuntap", "add", tap, "mode", "tap"]), signal);
    await ip("link", "set", tap, "master", BRIDGE, "up");
  }
}
