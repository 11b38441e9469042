/** What the commands share. Plain JavaScript for any Node: it runs before our own Node is there. */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const REPO = fileURLToPath(new URL("../..", import.meta.url));

/** Our own Node, once the set-up was done. */
export const NODE = join(REPO, "node_modules/.bin/node");

/** sudo has a PATH of its own. */
const SUDO = ["sudo", "--preserve-env", "--", "env", `PATH=${process.env.PATH}`];

/** What to put before a command that needs root; `null`: root cannot be had. */
export function asRoot() {
  if (process.getuid() === 0) return [];
  const ask = process.stdin.isTTY ? ["-v"] : ["-n", "-v"];
  return spawnSync("sudo", ask, { stdio: ["inherit", "ignore", "inherit"] }).status === 0
    ? SUDO
    : null;
}

/** Runs tools/setup/setup.mjs. Rejects when it failed; it has said why. */
export async function setUp(...flags) {
  const code = await run([process.execPath, join(REPO, "tools/setup/setup.mjs"), ...flags]);
  if (code !== 0) throw new Error("the set-up failed");
}

/**
 * Runs a program in the tree to its end, with our terminal or with its output going to the open file
 * `output`; gives its exit code. It, and not we, decides what Ctrl-C means.
 */
export function run([file, ...args], env = {}, output = "inherit") {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: REPO,
      stdio: [output === "inherit" ? "inherit" : "ignore", output, output],
      env: { ...process.env, ...env },
    });
    const forward = (signal) => child.kill(signal);
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, forward);
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      for (const name of ["SIGINT", "SIGTERM"]) process.removeListener(name, forward);
      resolve(code ?? (signal === "SIGINT" ? 130 : 1));
    });
  });
}

/** The body of a command: its exit code is the process's. */
export async function command(body) {
  try {
    process.exitCode = await body(process.argv.slice(2));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
