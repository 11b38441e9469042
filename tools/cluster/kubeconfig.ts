import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dump, load } from "js-yaml";
import { z } from "zod";
import type { ApiAccess } from "./request.ts";

/** Writes a kubeconfig that needs no other file, readable by its owner alone. */
export async function writeKubeconfig(
  path: string,
  access: ApiAccess,
  token: string = access.adminToken,
): Promise<void> {
  const ca = await readFile(access.caFile);
  const name = "steelyard";
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    clusters: [
      {
        name,
        cluster: { server: access.url, "certificate-authority-data": ca.toString("base64") },
      },
    ],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  };
  await writeFile(path, dump(config), { mode: 0o600 });
}

const Kubeconfig = z.looseObject({
  "current-context": z.string(),
  clusters: z.array(
    z.looseObject({
      name: z.string(),
      cluster: z.looseObject({
        server: z.string(),
        "certificate-authority-data": z.string().optional(),
      }),
    }),
  ),
  users: z.array(
    z.looseObject({ name: z.string(), user: z.looseObject({ token: z.string().optional() }) }),
  ),
  contexts: z.array(
    z.looseObject({
      name: z.string(),
      context: z.looseObject({ cluster: z.string(), user: z.string() }),
    }),
  ),
});

/** Reads the current context, which must carry its CA and a token; the CA goes into `dataDir`. */
export async function readKubeconfig(path: string, dataDir: string): Promise<ApiAccess> {
  const config = Kubeconfig.parse(load(await readFile(path, "utf8")));
  const context = config.contexts.find(({ name }) => name === config["current-context"])?.context;
  const cluster = config.clusters.find(({ name }) => name === context?.cluster)?.cluster;
  const token = config.users.find(({ name }) => name === context?.user)?.user.token;
  const ca = cluster?.["certificate-authority-data"];
  if (cluster === undefined || ca === undefined || token === undefined) {
    throw new Error(
      `${path}: the current context needs certificate-authority-data and a token of a cluster ` +
        "admin (kubectl create token)",
    );
  }
  const caFile = join(dataDir, "ca.crt");
  await writeFile(caFile, Buffer.from(ca, "base64"));
  return { url: cluster.server, caFile, adminToken: token };
}
