/**
 * `npm test`: sets everything up and runs every test, the cheap ones first. Options go to vitest,
 * e.g. `npm test -- -t "a sentence"`; STEELYARD_REPORTS names a folder for JSON reports.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asRoot, command, NODE, run, setUp } from "./command.mjs";
import { count, line } from "./report.mjs";

const LOUD =
  "!!! SKIPPED: THE TESTS WITH REAL VIRTUAL MACHINES. There is neither root nor sudo. !!!";

const began = Date.now();
const said = (text) =>
  console.log(`\ntest [${((Date.now() - began) / 1_000).toFixed(1).padStart(6)}s] ${text}`);

/** Runs vitest; gives its exit code. */
const vitest = (root, projects, args, report) =>
  run([
    ...root,
    NODE,
    "node_modules/vitest/vitest.mjs",
    "run",
    ...projects.flatMap((name) => ["--project", name]),
    ...["--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
    ...args,
  ]);

/** @returns whether all is well so far */
async function stage(name, projects, root, args, report) {
  said(name);
  const code = await vitest(root, projects, args, report);
  said(`${name}: ${code === 0 ? "done" : "FAILED"}`);
  return code === 0;
}

async function everything(args, folder) {
  const root = asRoot();
  if (root === null && process.env.CI) throw new Error(LOUD);
  const reports = ["unit", "whole"].map((name) => join(folder, `${name}.json`));
  await setUp("--npm");
  let well = await stage("unit tests", ["unit"], [], args, reports[0]);
  const used = [reports[0]];
  // In CI a failure is to be quick.
  if (well || !process.env.CI) {
    said("setting up the control plane and the images");
    await setUp("--tests", ...(root === null ? ["--sim"] : []));
    const projects = root === null ? ["cluster"] : ["cluster", "e2e"];
    well = (await stage(projects.join(", "), projects, root ?? [], args, reports[1])) && well;
    used.push(reports[1]);
  }
  if (root === null) console.warn(`\n${LOUD}`);
  said(line(count(used)));
  return well ? 0 : 1;
}

await command(async (args) => {
  const given = process.env.STEELYARD_REPORTS;
  if (given) {
    mkdirSync(given, { recursive: true });
    return everything(args, given);
  }
  const folder = mkdtempSync(join(tmpdir(), "steelyard-reports-"));
  try {
    return await everything(args, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
