import { access, constants } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { buildControlPlane, type Program } from "./build.ts";

/** Where a program is, and whether it is of our own build (which ends with its launcher). */
export interface ProgramFile {
  readonly path: string;
  readonly ours: boolean;
}

/** The place of each program that was asked for. */
export type Programs = (name: Program) => ProgramFile;

export interface ProgramOptions {
  /** A folder as kubebuilder's envtest has it; default: the variable KUBEBUILDER_ASSETS. */
  readonly assets?: string;
  /** Default: `steelyard/cluster` in XDG_CACHE_HOME or ~/.cache. */
  readonly cacheDir?: string;
  /** Default: lines on stderr. */
  readonly report?: (line: string) => void;
}

/** Finds the programs among the assets; what is not there comes from our own build. */
export async function findPrograms(
  names: readonly Program[],
  options: ProgramOptions,
  signal: AbortSignal,
): Promise<Programs> {
  const found = new Map<Program, ProgramFile>();
  const assets = options.assets ?? process.env["KUBEBUILDER_ASSETS"] ?? "";
  for (const name of assets === "" ? [] : names) {
    const path = join(assets, name);
    if (await isExecutable(path)) found.set(name, { path, ours: false });
  }
  const missing = names.filter((name) => !found.has(name));
  if (missing.length > 0) {
    const folder = await buildControlPlane(
      {
        cacheDir: options.cacheDir ?? cacheDir("cluster"),
        report: options.report ?? ((line) => console.error(line)),
      },
      signal,
    );
    for (const name of missing) found.set(name, { path: join(folder, name), ours: true });
  }
  return (name) => {
    const file = found.get(name);
    if (file === undefined) throw new Error(`${name} was not asked for`);
    return file;
  };
}

/** A folder of this project in the user's cache. */
export function cacheDir(name: string): string {
  const base = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(base, "steelyard", name);
}

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
