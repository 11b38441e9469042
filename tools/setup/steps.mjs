import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";

const began = Date.now();

/** One line for people, with the seconds since the start. */
export function say(text) {
  const seconds = ((Date.now() - began) / 1000).toFixed(1).padStart(6);
  process.stderr.write(`setup [${seconds}s] ${text}\n`);
}

/** Says when something took noticeable time. */
export async function step(name, work) {
  const start = Date.now();
  const result = await work();
  const took = (Date.now() - start) / 1000;
  if (took > 2) say(`${name}: done in ${took.toFixed(0)} s`);
  return result;
}

export const cacheDir = () =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "steelyard");

/** Where the set-up of this working copy is written down. */
export const recordFile = (repo) =>
  join(cacheDir(), "setup", `${createHash("sha256").update(repo).digest("hex").slice(0, 16)}.json`);

/** What to put before a command that needs root. */
export const sudo = () =>
  process.getuid() === 0 ? [] : ["sudo", "--preserve-env=HOME,XDG_CACHE_HOME,PATH", "--"];

/** Runs a program whose messages are for people. Gives what it printed on stdout; rejects when it failed. */
export function output([file, ...args], options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ["inherit", "pipe", "inherit"], ...options });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part) => {
      text += part;
    });
    child.once("error", (error) => reject(new Error(`cannot run ${file}: ${error.message}`)));
    child.once("close", (code, signal) => {
      if (code === 0) resolve(text);
      else reject(new Error(`${[file, ...args].join(" ")} failed (${signal ?? code})`));
    });
  });
}
