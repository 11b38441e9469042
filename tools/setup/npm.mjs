import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { output, say } from "./steps.mjs";

/** Runs `npm ci` when what is installed is not what package-lock.json says. */
export async function npmPackages(repo) {
  const reason = outdated(repo);
  if (reason === null) return;
  say(`installing npm packages: ${reason}`);
  await output(["npm", "ci", "--no-audit", "--no-fund"], { cwd: repo });
}

/** Why they must be installed; `null`: they need not. */
function outdated(repo) {
  const installed = join(repo, "node_modules/.package-lock.json");
  if (!existsSync(installed)) return "there are none";
  if (!existsSync(join(repo, "node_modules/node/bin/node"))) return "our own Node is missing";
  const have = packages(installed);
  const wrong = Object.entries(packages(join(repo, "package-lock.json"))).find(
    ([path, { version, optional }]) =>
      path !== "" && !(optional && !have[path]) && have[path]?.version !== version,
  );
  return wrong === undefined ? null : `${wrong[0]} is not as locked`;
}

const packages = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
