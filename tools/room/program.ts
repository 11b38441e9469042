import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** One of src/bin, or anything else, as a child that ends with us however we end. */
export interface Program extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  /** Resolves, never rejects: the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  /** The first line on stdout for which `find` gives something; rejects when the program ends. */
  line<T>(find: (text: string) => T | undefined, signal: AbortSignal): Promise<T>;
  kill(signal: NodeJS.Signals): void;
}

export interface ProgramOptions {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where its output goes, as `<name>.log`. */
  readonly folder: string;
}

const ROOT = join(import.meta.dirname, "../..");
export const NODE = join(ROOT, "node_modules/.bin/node");

/** The options to run one of our programs. */
export const ours = (
  name: string,
  bin: "operator" | "rack" | "sim",
  args: readonly string[],
  folder: string,
): ProgramOptions => ({
  name,
  file: NODE,
  args: [join(ROOT, `src/bin/${bin}.ts`), ...args],
  folder,
});

export function startProgram(options: ProgramOptions): Program {
  const { name, file, args, env = {}, folder } = options;
  const logFile = join(folder, `${name}.log`);
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", file, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const log = createWriteStream(logFile, { flags: "a" });
  child.stderr.pipe(log, { end: false });
  const seen: string[] = [];
  const listeners = new Set<(text: string) => void>();
  createInterface(child.stdout).on("line", (text) => {
    log.write(`${text}\n`);
    if (seen.length < MOST_LINES) seen.push(text);
    for (const look of [...listeners]) look(text);
  });
  const ended = new Promise<number | string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(code ?? signal ?? "?"));
  });
  return {
    name,
    pid: child.pid ?? 0,
    logFile,
    ended,
    kill: (signal) => void child.kill(signal),
    line: (find, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const stop = (): void => reject(signal.reason);
        const look = (text: string): void => {
          const found = find(text);
          if (found === undefined) return;
          listeners.delete(look);
          signal.removeEventListener("abort", stop);
          resolve(found);
        };
        signal.addEventListener("abort", stop, { once: true });
        listeners.add(look);
        for (const text of seen) look(text);
        void ended.then(async (how) => {
          reject(new Error(`${name} ended (${how}):\n${await tail(logFile)}`));
        });
      }),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await ended;
      clearTimeout(late);
      log.end();
    },
  };
}

const MOST_LINES = 1_000;

const tail = async (file: string): Promise<string> =>
  (await readFile(file, "utf8").catch(() => "")).split("\n").slice(-15).join("\n");
