import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Names carry the id of the process that made them, so that the next run can clear up after a kill. */
const NAME = /^steelyard-(\d+)-\d+$/;
let made = 0;

/** Runs a program to its end and gives what it printed. */
export async function run(
  [file, ...args]: readonly [string, ...string[]],
  signal: AbortSignal,
): Promise<string> {
  const { stdout } = await promisify(execFile)(file, args, { signal, maxBuffer: 1 << 26 });
  return stdout;
}

/** A command line that runs inside a network namespace and dies with the process that spawns it. */
export function inside(netns: string, argv: readonly [string, ...string[]]): [string, ...string[]] {
  return ["ip", "netns", "exec", netns, "setpriv", "--pdeathsig", "KILL", "--", ...argv];
}

/** For a namespace that is to be swept away once this process is gone. */
export const netnsName = (): string => `steelyard-${process.pid}-${made++}`;

/** An empty namespace of our own, its loopback up. Needs root. */
export async function addNetns(signal: AbortSignal): Promise<string> {
  await sweep(signal);
  const name = netnsName();
  await run(["ip", "netns", "add", name], signal);
  await run(["ip", "-n", name, "link", "set", "lo", "up"], signal);
  return name;
}

/** Ends whatever still runs in it, then takes it away, with all its interfaces. */
export async function removeNetns(name: string, signal: AbortSignal): Promise<void> {
  const pids = await run(["ip", "netns", "pids", name], signal);
  for (const pid of pids.trim().split(/\s+/).filter(Boolean)) kill(Number(pid));
  await run(["ip", "netns", "del", name], signal);
}

/** Removes the namespaces of processes that are gone. */
async function sweep(signal: AbortSignal): Promise<void> {
  const list = await run(["ip", "netns", "list"], signal);
  for (const line of list.split("\n")) {
    const [name = ""] = line.split(" ");
    const pid = NAME.exec(name)?.[1];
    // another run may be sweeping too: one of the two then finds nothing
    if (pid !== undefined && !isAlive(Number(pid))) await removeNetns(name, signal).catch(() => {});
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it ended by itself
  }
}
