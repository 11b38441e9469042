import { writeFile } from "node:fs/promises";
import { run } from "./run.ts";
import { attribute, names } from "./sysfs.ts";

/**
 * Takes a disk from the arrays and volumes that were assembled over it when the system started, and
 * from those above them: while they run, they write to it behind our back.
 */
export async function release(disk: string, signal: AbortSignal): Promise<void> {
  const block = `/sys/block/${disk}`;
  const parts = (await names(block)).filter((name) => name.startsWith(disk));
  const folders = [`${block}/holders`, ...parts.map((part) => `${block}/${part}/holders`)];
  const holders = new Set((await Promise.all(folders.map(names))).flat());
  for (const holder of holders) {
    await release(holder, signal);
    await stop(holder, signal);
  }
}

async function stop(holder: string, signal: AbortSignal): Promise<void> {
  if (holder.startsWith("md")) {
    await writeFile(`/sys/block/${holder}/md/array_state`, "clear");
    return;
  }
  const name = await attribute(`/sys/block/${holder}/dm/name`);
  if (name !== undefined) await run("dmsetup", ["remove", "--force", name], signal);
}
