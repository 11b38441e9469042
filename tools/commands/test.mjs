/**
 * `npm test`: sets everything up and runs every test, the cheap ones first. Options go to vitest,
 * e.g. `npm test -- -t "a sentence"`; STEELYARD_REPORTS names a folder for JSON reports. Without
 * options, what the machines took is told beside the reference: STEELYARD_REFERENCE=0 saves its
 * minutes, which is the default in CI (30 minutes from nothing), and 1 spends them there, too.
 */
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asRoot, command, NODE, run, setUp } from "./command.mjs";
import { count, line } from "./report.mjs";

const LOUD =
  "!!! SKIPPED: THE TESTS WITH REAL VIRTUAL MACHINES. There is neither root nor sudo. !!!";

const began = Date.now();
const said = (text) =>
  console.log(`\ntest [${((Date.now() - began) / 1_000).toFixed(1).padStart(6)}s] ${text}`);

/** Runs a project's tests; whether all is well. `log`: where their output is kept until they end. */
async function project(name, { root = [], args, folder, log }) {
  said(
    `${name} tests${log === undefined ? "" : ": beside the others; what they print comes at their end"}`,
  );
  const output = log === undefined ? undefined : openSync(log, "w");
  const code = await run(
    [
      ...[...root, NODE, "node_modules/vitest/vitest.mjs", "run", "--project", name],
      ...["--reporter=default", "--reporter=json", `--outputFile.json=${report(folder, name)}`],
      ...args,
      ...(args.length > 0 ? ["--passWithNoTests"] : []), // they may name a file of another project
    ],
    {},
    output,
  );
  if (output !== undefined) {
    closeSync(output);
    process.stdout.write(readFileSync(log));
  }
  said(`${name} tests: ${code === 0 ? "done" : "FAILED"}`);
  return code === 0;
}

const report = (folder, name) => join(folder, `${name}.json`);

async function everything(args, folder) {
  const root = asRoot();
  if (root === null && process.env.CI) throw new Error(LOUD);
  await setUp("--npm");
  const unit = await project("unit", { args, folder });
  // In CI a failure is to be quick.
  const rest = unit || !process.env.CI ? await withRealParts(root, args, folder) : {};
  if (root === null) console.warn(`\n${LOUD}`);
  const all = { unit, ...rest };
  said(line(count(Object.keys(all).map((name) => report(folder, name)))));
  return Object.values(all).every((well) => well) ? 0 : 1;
}

/** The cluster's tests and, with root, the virtual machines', at once: each waits longer than it works. */
async function withRealParts(root, args, folder) {
  said("setting up the control plane and the images");
  if (root === null) {
    await setUp("--tests", "--sim");
    return { cluster: await project("cluster", { args, folder }) };
  }
  await setUp("--tests");
  const [cluster, e2e] = await Promise.all([
    project("cluster", { root, args, folder }),
    project("e2e", { root, args, folder, log: join(folder, "e2e.log") }).then(async (well) => {
      if (well && args.length === 0) await beside(root);
      return well;
    }),
  ]);
  return { cluster, e2e };
}

/** Measures the reference if today nobody did, when its virtual machine disturbs no other of ours. */
async function beside(root) {
  const { CI, STEELYARD_REFERENCE: wish = CI ? "0" : "1" } = process.env;
  if (wish === "0") return said("no reference: STEELYARD_REFERENCE=1 measures it (minutes)");
  said("the reference: minutes, once a day");
  await run([...root, NODE, "test/e2e/tell-reference.ts"]);
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
