import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive } from "./pid.ts";

const NAME = /^steelyard-(?:cluster|install|room)-(\d+)-/;

/** A new private folder, named after this process so that {@link sweepDataDirs} knows its owner. */
export async function makeDataDir(
  what: "cluster" | "install" | "room" = "cluster",
): Promise<string> {
  return await mkdtemp(join(tmpdir(), `steelyard-${what}-${process.pid}-`));
}

/** Removes the folders whose owner was killed before it could. */
export async function sweepDataDirs(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = NAME.exec(name)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}
