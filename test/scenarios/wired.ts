import { join } from "node:path";
import { Wire } from "#test/fakes/wire.ts";
import { readKubeconfig, writeKubeconfig } from "../../tools/cluster/kubeconfig.ts";
import type { Room } from "../../tools/room/room.ts";

/** The only way to the API server for a program that gets the kubeconfig. */
export interface Wired {
  readonly wire: Wire;
  /** As the one that was given, but for the way. */
  readonly kubeconfig: string;
}

export async function wired(
  { cluster, folder }: Pick<Room, "cluster" | "folder">,
  kubeconfig: string,
): Promise<Wired> {
  const wire = await Wire.to(cluster.url);
  const access = await readKubeconfig(kubeconfig, folder);
  const file = join(folder, `wire-${wire.port}.kubeconfig`);
  await writeKubeconfig(file, { ...access, url: `https://127.0.0.1:${wire.port}` });
  return { wire, kubeconfig: file };
}
