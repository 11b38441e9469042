/**
 * What ours is measured against: the chain of shell scripts in the shared notes (dnsmasq, a shell
 * agent, no operator), run in a copy under the cache. It takes minutes, and the first time minutes
 * more to build, so `npm test` measures it once a day, when the tests with virtual machines are done.
 */
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, hostname } from "node:os";
import { join } from "node:path";
import { cacheDir } from "../../tools/setup/artifacts.ts";
import { netnsName, removeNetns, run } from "../../tools/vm-lab/netns.ts";
import { ROOT } from "../cluster/install.ts";
import { compared, isComparable, type Measured, marksOf, type Place } from "./compared.ts";
import type { Timeline } from "./timeline.ts";

const SCRIPTS = join(ROOT, "../shared/notes/examples/netboot");

/** Seconds until its machine is given up. */
const TIMEOUT = 600;

const folder = (): string => join(cacheDir(), "reference");
const ourFile = (): string => join(folder(), "ours.json");
const theirFile = (): string => join(folder(), "result.json");

const here = (): Place => ({
  measuredAt: new Date().toISOString(),
  machine: `${hostname()}, ${cpus().length} × ${cpus()[0]?.model ?? "CPU"}`,
});

/** Keeps what the deploy test took, from power-on, for the comparison. */
export async function keepOurs(timeline: Timeline): Promise<void> {
  await mkdir(folder(), { recursive: true });
  await writeFile(ourFile(), JSON.stringify({ ...here(), seconds: timeline.since("VM power On") }));
}

/** "always": anew. "once": if there is none of this day and machine. "never": what is there. */
export type Measuring = "always" | "once" | "never";

/** For people: ours beside the reference, or why there is none. Its failure is not ours. */
export async function reference(measuring: Measuring, signal: AbortSignal): Promise<string> {
  return tell(measuring, signal).catch((error: unknown) => `no reference: ${error}`);
}

async function tell(measuring: Measuring, signal: AbortSignal): Promise<string> {
  const kept = await today(theirFile());
  if (measuring === "never" && kept === null) {
    return "no reference of today: npm test measures it, or STEELYARD_REFERENCE=1 (minutes)";
  }
  const theirs = measuring === "always" || kept === null ? await measure(signal) : kept;
  if (theirs === null) return "no reference: ../shared is not here";
  return compared(await today(ourFile()), theirs);
}

/** What was measured today on this machine. */
async function today(file: string): Promise<Measured | null> {
  const text = await readFile(file, "utf8").catch(() => null);
  const measured = text === null ? null : (JSON.parse(text) as Measured); // we wrote it
  return measured !== null && isComparable(measured, here()) ? measured : null;
}

/** Builds what is missing, boots, and keeps the times. Null: the scripts are not there. */
async function measure(signal: AbortSignal): Promise<Measured | null> {
  await mkdir(folder(), { recursive: true });
  const absent = await cp(SCRIPTS, folder(), { recursive: true }).catch(() => true);
  if (absent === true) return null;
  const steps = ["prepare", "build-agent", "pack-agent", "build-os"].map(
    (name) => `[ -e done.${name} ] || { ./${name}.sh >&2 && touch done.${name}; }`,
  );
  // one at a time: its builds mount and remove folders
  const locked = ["flock", join(folder(), "lock"), "env", "-C", folder()] as const;
  const ns = netnsName();
  const sh = (script: string) =>
    run([...locked, `NS=${ns}`, `TIMEOUT=${TIMEOUT}`, "sh", "-c", script, folder()], signal);
  await sh(steps.join(" && "));
  try {
    const measured: Measured = { ...here(), seconds: marksOf(await sh("./e2e.sh")) };
    await writeFile(theirFile(), JSON.stringify(measured));
    return measured;
  } finally {
    await removeNetns(ns, AbortSignal.timeout(10_000)).catch(() => {});
  }
}
