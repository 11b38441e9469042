#!/usr/bin/env node
/**
 * All that the demo and the tests need, on a Debian 12 with git, Node >= 20 and Go, as root or with sudo:
 *
 *     node tools/setup/setup.mjs            Debian packages, npm packages, Go programs, images
 *     node tools/setup/setup.mjs --sim      npm packages and Go programs only: no root, no QEMU
 *     node tools/setup/setup.mjs --npm      npm packages only
 *     … --tests                             also what only tests need
 *
 * Plain JavaScript for any Node, since it runs before our own Node is there. What is there already is left alone;
 * with everything there it takes about a second. Writes where the images are into a file for tools/setup/artifacts.ts.
 */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { debianPackages } from "./debian.mjs";
import { npmPackages } from "./npm.mjs";
import { cacheDir, output, recordFile, say, step, sudo } from "./steps.mjs";

const REPO = fileURLToPath(new URL("../..", import.meta.url));
const npmOnly = process.argv.includes("--npm");
const tests = process.argv.includes("--tests");
const sim = npmOnly || process.argv.includes("--sim");

/** The folder that an image's build script prints. */
const image = (name) =>
  step(`image ${name}`, async () =>
    (await output([...sudo(), join(REPO, "images", name, "build.sh")], { cwd: REPO })).trim(),
  );

/** Built by its `run.ts build`, unless it is there. */
const goProgram = (name, folder) =>
  step(name, () =>
    output([join(REPO, "node_modules/.bin/node"), join("tools", folder, "run.ts"), "build"], {
      cwd: REPO,
    }),
  );

/** One after the other, since each uses all processors. */
async function goPrograms() {
  await goProgram("control plane", "cluster");
  if (tests) await goProgram("judge of health", "gitops");
}

/** The images one after the other, since each uses all processors; the Go programs beside them. */
async function images() {
  const bootfiles = await image("bootfiles");
  const agent = await image("agent");
  const os = await image("os");
  return { agent, os, bootfiles };
}

function record(made) {
  const file = recordFile(REPO);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.${process.pid}`, `${JSON.stringify(made, null, 2)}\n`);
  renameSync(`${file}.${process.pid}`, file);
}

try {
  mkdirSync(cacheDir(), { recursive: true }); // ours, before sudo makes it root's
  if (!sim) await step("Debian packages", () => debianPackages());
  await step("npm packages", () => npmPackages(REPO));
  const [, made] = await Promise.all([npmOnly ? null : goPrograms(), sim ? null : images()]);
  if (made !== null) record(made);
  say("all is there");
} catch (error) {
  say(error.message);
  process.exitCode = 1;
}
