/**
 * By hand:
 *
 *     node tools/gitops/run.ts build     builds the program and prints its folder
 */
import { buildJudge } from "./judge.ts";

if (process.argv[2] === "build") console.log(await buildJudge(new AbortController().signal));
else {
  console.error("usage: run.ts build");
  process.exitCode = 2;
}
