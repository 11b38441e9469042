import { randomBytes } from "node:crypto";
import { link, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "./pid.ts";

const POLL_MS = 500;
const BEAT_MS = 5_000;
/** A holder that has not touched its lock for so long is gone, though its process id is in use. */
const STALE_MS = 120_000;

/**
 * Runs `work` while nobody else who takes the same lock file runs theirs, in this process or another.
 * A lock whose owner is gone is broken. Two that break it in the same moment may both run: `work`
 * must bear that.
 *
 * @param waiting called once if somebody else holds the lock, with that process's id
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  waiting: (pid: number) => void,
  signal: AbortSignal,
): Promise<T> {
  let told = false;
  while (!(await take(path))) {
    const holder = await holderOf(path);
    if (holder === null) continue;
    if (!told) waiting(holder);
    told = true;
    await sleep(POLL_MS, undefined, { signal });
  }
  const beat = setInterval(() => {
    utimes(path, new Date(), new Date()).catch(() => {}); // broken by somebody: see above
  }, BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(path, { force: true });
  }
}

async function take(path: string): Promise<boolean> {
  const mine = `${path}.${randomBytes(6).toString("hex")}`;
  await writeFile(mine, `${process.pid}`);
  try {
    await link(mine, path); // fails if it exists; a reader never sees it half written
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(mine, { force: true });
  }
}

/** The process that holds the lock; null if it was given back, or is gone and its lock broken. */
async function holderOf(path: string): Promise<number | null> {
  try {
    const pid = Number(await readFile(path, "utf8"));
    const { mtimeMs } = await stat(path);
    if (isAlive(pid) && Date.now() - mtimeMs < STALE_MS) return pid;
  } catch {
    return null; // given back meanwhile
  }
  await rm(path, { force: true });
  return null;
}
