import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A file that the set-up made. */
export interface Artifact {
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** What tools/setup/setup.mjs made for this working copy. */
export interface Artifacts {
  readonly agent: { readonly kernel: Artifact; readonly initrd: Artifact };
  /** The same disk twice. */
  readonly os: { readonly raw: Artifact; readonly zst: Artifact };
  /** Folder of the first-stage boot files. */
  readonly bootfiles: string;
}

const REPO = fileURLToPath(new URL("../..", import.meta.url));

/** Everything that we build or fetch, outside the tree. */
export const cacheDir = (): string =>
  join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "steelyard");

/** Where the images are. Fails when the set-up was not run, or only with --sim. */
export async function artifacts(): Promise<Artifacts> {
  const name = createHash("sha256").update(REPO).digest("hex").slice(0, 16);
  const file = join(cacheDir(), "setup", `${name}.json`);
  const folders = await readJson(file).catch((error: unknown) => {
    throw new Error("no images: run node tools/setup/setup.mjs", { cause: error });
  });
  const [agent, os] = await Promise.all([
    manifest(text(folders, "agent")),
    manifest(text(folders, "os")),
  ]);
  return {
    agent: { kernel: agent("kernel"), initrd: agent("initrd") },
    os: { raw: os("raw"), zst: os("zst") },
    bootfiles: text(folders, "bootfiles"),
  };
}

type Json = Readonly<Record<string, unknown>>;

const readJson = async (file: string): Promise<Json> =>
  JSON.parse(await readFile(file, "utf8")) as Json; // our own scripts wrote it

/** Reads a folder's manifest: gives the entry of a name. */
async function manifest(folder: string): Promise<(name: string) => Artifact> {
  const entries = await readJson(join(folder, "manifest.json"));
  return (name) => {
    const entry = entries[name] as Json;
    return {
      path: join(folder, text(entry, "file")),
      sha256: text(entry, "sha256"),
      sizeBytes: Number(entry["sizeBytes"]),
    };
  };
}

function text(from: Json, key: string): string {
  const value = from[key];
  if (typeof value !== "string") throw new Error(`the set-up's record has no ${key}`);
  return value;
}
