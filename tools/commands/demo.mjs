/** `npm run demo`: sets everything up, then runs tools/demo/main.ts. */
import { asRoot, command, NODE, run, setUp } from "./command.mjs";

await command(async (args) => {
  const sim = args.includes("--sim") || args.includes("--help");
  const root = sim ? [] : asRoot();
  if (root === null) {
    console.error("Neither root nor sudo: no virtual machine. This is `npm run demo -- --sim`.");
  }
  const simOnly = sim || root === null;
  await setUp(...(simOnly ? ["--sim"] : []));
  const more = root === null ? ["--sim"] : [];
  return run([...(root ?? []), NODE, "tools/demo/main.ts", ...args, ...more]);
});
