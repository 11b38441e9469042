/** sushy-tools (OpenStack's Redfish emulator) in a virtual environment, cached outside the tree. */
import { execFile } from "node:child_process";
import { access, mkdir, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const VERSION = "2.2.0";
const PACKAGES = [`sushy-tools==${VERSION}`, "bcrypt>=4,<6"];
const run = promisify(execFile);

/** Where its programs are, `sushy-emulator` and `python` among them. */
export interface Sushy {
  readonly bin: string;
}

/** Half a minute the first time. Rejects where there is no python3 with venv, or no registry. */
export async function installSushy(signal: AbortSignal): Promise<Sushy> {
  const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "steelyard");
  const folder = join(cache, `sushy-${VERSION}`);
  const done = join(folder, "complete"); // paths are written into it, so it cannot be moved later
  if (await isThere(done)) return { bin: join(folder, "bin") };
  await rm(folder, { recursive: true, force: true });
  await mkdir(cache, { recursive: true });
  await run("python3", ["-m", "venv", folder], { signal });
  await run(join(folder, "bin/pip"), ["--quiet", "install", ...PACKAGES], { signal });
  await mkdir(done);
  return { bin: join(folder, "bin") };
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
