/** `npm run bench -- NAME [options]`: runs bench/NAME.ts. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { command, NODE, REPO, run, setUp } from "./command.mjs";

const FOLDER = join(REPO, "bench");

/** Names of the benches; files that begin with _ are parts of one. */
const names = () =>
  readdirSync(FOLDER)
    .filter((file) => /^[a-z].*(?<!\.test)\.ts$/.test(file))
    .map((file) => file.slice(0, -3));

/** The first sentence of a bench's doc comment. */
function about(name) {
  const [, comment = ""] =
    /^\/\*\*(.*?)\*\//s.exec(readFileSync(join(FOLDER, `${name}.ts`), "utf8")) ?? [];
  return comment
    .replaceAll(/\n? *\* */g, " ")
    .replaceAll(/\s+/g, " ")
    .trim();
}

function usage() {
  const width = Math.max(...names().map((name) => name.length));
  const lines = names().map((name) => `  ${name.padEnd(width)}  ${about(name)}`);
  return ["usage: npm run bench -- NAME [options], where NAME is one of", ...lines].join("\n");
}

await command(async ([name, ...options]) => {
  if (name === undefined || !names().includes(name)) {
    console.error(usage());
    return 2;
  }
  await setUp("--sim");
  return run([NODE, join(FOLDER, `${name}.ts`), ...options]);
});
