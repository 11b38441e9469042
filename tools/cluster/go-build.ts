/**
 * Builds a Go program of ours, once for each state of its sources, into a cache outside the tree.
 * Nothing else knows Go.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { access, mkdir, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { withLock } from "./lock.ts";
import { isAlive } from "./pid.ts";

const PROGRESS_EVERY_MS = 15_000;

/** A Go module that is one program. */
export interface GoProgram {
  /** The folder with its go.mod; files that the build reads lie in it, not below. */
  readonly sources: string;
  /** The binary's name. */
  readonly binary: string;
  /** Further names that it answers to. */
  readonly links: readonly string[];
  /** Flags of `go build`, over those that make it the same wherever the tree lies. */
  readonly flags: readonly string[];
  /** What is built, for people. */
  readonly what: string;
  /** e.g. "about 5 minutes". */
  readonly takes: string;
  /** How many packages there are to compile, about. */
  readonly packages: number;
  /** Told where there is no Go, or one that is too old. */
  readonly needsGo: string;
}

export interface BuildOptions {
  /** The folder for all builds. */
  readonly cacheDir: string;
  /** Told what is going on, a line at a time, when something has to be built. */
  readonly report: (line: string) => void;
}

/**
 * The folder that has the binary and its links. May take minutes the first time; safe to call from
 * many processes at once: one builds, the others wait for it.
 */
export async function buildGo(
  program: GoProgram,
  options: BuildOptions,
  signal: AbortSignal,
): Promise<string> {
  const go = await findGo(program, signal);
  const flags = ["-trimpath", "-buildvcs=false", ...program.flags];
  const hash = await hashOf(program.sources, [go.version, ...flags]);
  const folder = join(options.cacheDir, hash);
  if (await exists(folder)) return folder;
  await mkdir(options.cacheDir, { recursive: true });
  await withLock(
    join(options.cacheDir, `${hash}.lock`),
    async () => {
      if (!(await exists(folder))) {
        await buildInto(folder, { ...program, flags }, go.path, options, signal);
      }
    },
    (pid) => options.report(`waiting for process ${pid}, which builds ${program.what}`),
    signal,
  );
  return folder;
}

async function buildInto(
  folder: string,
  program: GoProgram,
  go: string,
  options: BuildOptions,
  signal: AbortSignal,
): Promise<void> {
  await sweepUnfinished(options.cacheDir);
  const unfinished = `${folder}.unfinished-${process.pid}`;
  const { binary, links, what, takes } = program;
  try {
    await mkdir(unfinished);
    const started = Date.now();
    options.report(`building ${what}, ${takes}, once`);
    await compile(program, go, join(unfinished, binary), options.report, signal);
    for (const name of links) await symlink(binary, join(unfinished, name));
    await rename(unfinished, folder).catch(async (error: unknown) => {
      if (!(await exists(folder))) throw error; // else somebody else was as quick
    });
    options.report(`built it in ${Math.round((Date.now() - started) / 1000)} s: ${folder}`);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Removes what builds left behind that were killed. */
async function sweepUnfinished(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    const pid = /\.unfinished-(\d+)$/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await rm(join(cacheDir, name), { recursive: true, force: true });
  }
}

async function compile(
  { sources, flags, packages }: GoProgram,
  go: string,
  binary: string,
  report: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let downloaded = 0;
  let compiled = 0;
  const timer = setInterval(() => {
    if (compiled > 0) report(`compiled ${compiled} packages of about ${packages}`);
    else report(`downloaded ${downloaded} modules`);
  }, PROGRESS_EVERY_MS);
  try {
    await goRun(sources, go, ["build", "-v", ...flags, "-o", binary, "."], signal, (line) => {
      if (line.startsWith("go: downloading ")) downloaded += 1;
      else compiled += 1;
    });
  } finally {
    clearInterval(timer);
  }
}

/** Runs Go in the sources' folder and gives back what it wrote to stdout. */
async function goRun(
  sources: string,
  go: string,
  args: readonly string[],
  signal: AbortSignal,
  onErrorLine: (line: string) => void = () => {},
): Promise<string> {
  const child = spawn(go, args, {
    cwd: sources,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=readonly", GOWORK: "off" },
    signal,
  });
  const last: string[] = [];
  createInterface(child.stderr).on("line", (line) => {
    onErrorLine(line);
    last.push(line);
    if (last.length > 20) last.shift();
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`go ${args[0]} ended with ${code}:\n${last.join("\n")}`);
  return output;
}

async function findGo(
  { sources, needsGo }: GoProgram,
  signal: AbortSignal,
): Promise<{ path: string; version: string }> {
  for (const path of ["go", "/usr/local/go/bin/go"]) {
    try {
      const told = await goRun(sources, path, ["env", "GOVERSION", "GOOS", "GOARCH"], signal);
      if (/^go1\.1?\d\b|^go1\.20\b/.test(told)) throw new Error(`${needsGo} This is ${told}`);
      return { path, version: told.trim() };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
  throw new Error(needsGo);
}

async function hashOf(sources: string, words: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const word of words) hash.update(`${word}\0`);
  const names = (await readdir(sources)).filter((name) => /\.go$|^go\.(mod|sum)$/.test(name));
  for (const name of names.sort()) hash.update(await readFile(join(sources, name)));
  return hash.digest("hex").slice(0, 16);
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
