/** What GitOps tools would say of objects: asks `main.go`, which is built on first use. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { buildGo } from "../cluster/go-build.ts";
import { cacheDir } from "../cluster/programs.ts";

const PROGRAM = {
  sources: import.meta.dirname,
  binary: "judge",
  links: [],
  flags: ["-ldflags", "-s -w"],
  what: "kstatus and Argo CD's Lua",
  takes: "about a minute",
  packages: 150,
  needsGo: "Go 1.24 or newer builds what judges objects as Flux and Argo CD do. Install it.",
};

/** An object, and the script that Argo CD runs for its kind. */
export interface Question {
  /** None: only kstatus is asked. */
  readonly script?: string;
  readonly object: unknown;
}

export interface Verdict {
  /** InProgress, Current, Failed, Terminating. */
  readonly kstatus: string;
  /** Argo CD's: Progressing, Healthy, Degraded, Suspended, Unknown. */
  readonly health?: string;
  readonly message?: string;
  readonly error?: string;
}

/** The folder of the program; takes about a minute the first time. */
export async function buildJudge(signal: AbortSignal): Promise<string> {
  const report = (line: string): void => console.error(line);
  return await buildGo(PROGRAM, { cacheDir: cacheDir("gitops"), report }, signal);
}

/** One verdict for each question, in their order. */
export async function judge(
  questions: readonly Question[],
  signal: AbortSignal,
): Promise<readonly Verdict[]> {
  const program = join(await buildJudge(signal), PROGRAM.binary);
  const child = spawn(program, { stdio: ["pipe", "pipe", "inherit"], signal });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  child.stdin.end(JSON.stringify(questions));
  const [told, code] = await Promise.all([text(child.stdout), ended]);
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
  return JSON.parse(told) as readonly Verdict[];
}
