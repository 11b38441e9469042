/**
 * What ours is measured against: the chain of shell scripts in the shared notes (dnsmasq, a shell
 * agent, no operator), run in a copy under the cache. Minutes to build, so it is measured when
 * STEELYARD_REFERENCE=1 asks for it, and told from then on.
 */
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheDir } from "../../tools/setup/artifacts.ts";
import { removeNetns, run } from "../../tools/vm-lab/netns.ts";
import { ROOT } from "../cluster/install.ts";

const SCRIPTS = join(ROOT, "../shared/notes/examples/netboot");

/** Seconds until its machine is given up. */
const TIMEOUT = 600;

interface Reference {
  readonly measuredAt: string;
  /** From power-on to each mark. */
  readonly seconds: Readonly<Record<string, number>>;
}

/** For people: the reference's timeline, or why there is none. Its failure is not ours. */
export async function reference(signal: AbortSignal): Promise<string> {
  return tell(signal).catch((error: unknown) => `no reference: ${error}`);
}

async function tell(signal: AbortSignal): Promise<string> {
  const folder = join(cacheDir(), "reference");
  const file = join(folder, "result.json");
  if (process.env["STEELYARD_REFERENCE"] === "1") {
    await mkdir(folder, { recursive: true });
    const absent = await cp(SCRIPTS, folder, { recursive: true }).catch(() => true);
    if (absent === true) return "no reference: ../shared is not here";
    await writeFile(file, JSON.stringify(await measure(folder, signal)));
  }
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null) return "no reference: set STEELYARD_REFERENCE=1 to measure it (minutes)";
  const { measuredAt, seconds } = JSON.parse(text) as Reference;
  const lines = Object.entries(seconds).map(
    ([mark, at]) => `${at.toFixed(1).padStart(8)} s  ${mark}`,
  );
  return [`reference (shell, dnsmasq, no operator) of ${measuredAt}`, ...lines].join("\n");
}

/** Builds what is missing, then boots. */
async function measure(folder: string, signal: AbortSignal): Promise<Reference> {
  const steps = ["prepare", "build-agent", "pack-agent", "build-os"].map(
    (name) => `[ -e done.${name} ] || { ./${name}.sh >&2 && touch done.${name}; }`,
  );
  // one at a time: its builds mount and remove folders
  const locked = ["flock", join(folder, "lock"), "env", "-C", folder] as const;
  const ns = `steelyard-${process.pid}-reference`;
  const sh = (script: string) =>
    run([...locked, `NS=${ns}`, `TIMEOUT=${TIMEOUT}`, "sh", "-c", script, folder], signal);
  await sh(steps.join(" && "));
  try {
    const printed = await sh("./e2e.sh");
    return { measuredAt: new Date().toISOString(), seconds: marksOf(printed) };
  } finally {
    await removeNetns(ns, AbortSignal.timeout(10_000)).catch(() => {});
  }
}

const marksOf = (printed: string): Record<string, number> =>
  Object.fromEntries(
    [...printed.matchAll(/^\s*([\d.]+)s {2}(.+)$/gm)].map(([, at, mark]) => [mark, Number(at)]),
  );
