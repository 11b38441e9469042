/**
 * The local control plane by hand:
 *
 *     node tools/cluster/run.ts start [--netns NAME]    stays up until Ctrl-C
 *     node tools/cluster/run.ts build                   builds it and prints the programs' folder
 */
import { once } from "node:events";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { PROGRAMS } from "./build.ts";
import { type ClusterOptions, startCluster } from "./cluster.ts";
import { findPrograms } from "./programs.ts";

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => stop.abort(new Error(`stopped by ${name}`)));
}

async function start(options: ClusterOptions): Promise<void> {
  await using cluster = await startCluster(options, stop.signal);
  console.log(`export KUBECONFIG=${cluster.kubeconfig}`);
  console.log(`alias kubectl=${cluster.kubectl}`);
  if (!stop.signal.aborted) await once(stop.signal, "abort");
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { netns: { type: "string" }, scheduler: { type: "boolean" } },
});
const [command] = positionals;
try {
  if (command === "start") await start(values);
  else if (command === "build") {
    const programs = await findPrograms(PROGRAMS, {}, stop.signal);
    console.log(dirname(programs("kubectl").path));
  } else throw new Error("usage: run.ts start [--netns NAME] [--scheduler] | build");
} catch (error) {
  if (!stop.signal.aborted) console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
