import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Program } from "./build.ts";
import type { Programs } from "./programs.ts";

const READY_WITHIN_MS = 180_000; // seconds on a quiet machine
const POLL_MS = 50;

/** A program that runs until it is killed, at the latest when this process ends. */
export interface Daemon {
  readonly name: Program;
  readonly pid: number;
  /** Resolves, never rejects, when it has ended. */
  readonly ended: Promise<void>;
  /** What it wrote last; for a message about its death. */
  logTail(): Promise<string>;
  /** SIGKILL, then waits for the end: what it leaves behind is as after a crash. */
  kill(): Promise<void>;
}

/**
 * Starts a program, with its output in `<dataDir>/<name>.log`, in a session of its own so that a
 * terminal's Ctrl-C does not reach it. It ends with us: our own build by the end of its stdin
 * (main.go), any other by util-linux's setpriv.
 */
export async function startDaemon(
  name: Program,
  args: readonly string[],
  programs: Programs,
  dataDir: string,
): Promise<Daemon> {
  const program = programs(name);
  const logFile = join(dataDir, `${name}.log`);
  const log = openSync(logFile, "a");
  const [file, ...before] = program.ours
    ? [program.path]
    : ["setpriv", "--pdeathsig", "KILL", "--", program.path];
  const child = spawn(file, [...before, ...args], {
    stdio: ["pipe", log, log],
    detached: true,
    cwd: dataDir,
    env: {
      PATH: process.env["PATH"],
      HOME: dataDir, // nothing of the user's gets in
      ...(program.ours ? { STEELYARD_DIE_WITH_STDIN: "1" } : {}),
    },
  });
  closeSync(log);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.stdin?.on("error", () => {}); // it may end before the pipe does
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  return {
    name,
    pid: child.pid ?? 0,
    ended,
    logTail: async () =>
      (await readFile(logFile, "utf8")).trimEnd().split("\n").slice(-15).join("\n"),
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Asks until the answer is yes. Kills the program and says why, if it ended or took too long. */
export async function untilReady(
  daemon: Daemon,
  isReady: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  let complaint = "";
  void daemon.ended.then(() => {
    complaint = "ended";
  });
  const deadline = Date.now() + READY_WITHIN_MS;
  try {
    while (!(await isReady())) {
      if (Date.now() > deadline) complaint = "did not become ready";
      if (complaint !== "") {
        throw new Error(`${daemon.name} ${complaint}:\n${await daemon.logTail()}`);
      }
      await sleep(POLL_MS, undefined, { signal });
    }
  } catch (error) {
    await daemon.kill();
    throw error;
  }
}
