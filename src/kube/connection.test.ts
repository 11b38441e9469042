import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { KubeConfigError, loadKubeConfig } from "./connection.ts";

const config = (fields: object): string =>
  JSON.stringify({ apiVersion: "v1", kind: "Config", users: [], contexts: [], ...fields });
const clusters = [{ name: "here", cluster: { server: "https://10.0.0.1:6443" } }];
const contexts = [{ name: "here", context: { cluster: "here", user: "" } }];

async function messageFor(text: string | null): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "steelyard-kubeconfig-"));
  try {
    const file = join(folder, "kubeconfig");
    if (text !== null) await writeFile(file, text);
    loadKubeConfig(file);
    return "";
  } catch (error) {
    expect(error).toBeInstanceOf(KubeConfigError);
    return (error as Error).message;
  } finally {
    await rm(folder, { recursive: true });
  }
}

it.each([
  ["is not there", null, /cannot be read: ENOENT.*Name one that kubectl can use by --kubeconfig/],
  ["is no YAML", "{", /cannot be read: .*--kubeconfig or KUBECONFIG/],
  ["has no current context", config({ clusters }), /current-context \(none\) names no cluster/],
  [
    "names a context that is not there",
    config({ clusters, contexts, "current-context": "gone" }),
    /current-context \(gone\) names no cluster.*use-context/,
  ],
  [
    "names a server that is none",
    config({
      clusters: [{ name: "here", cluster: { server: "the one in the cellar" } }],
      contexts,
      "current-context": "here",
    }),
    /the one in the cellar\) is no URL/,
  ],
])("a kubeconfig that %s is told in a sentence that says what to do", async (_, text, words) => {
  expect(await messageFor(text)).toMatch(words);
});

it("a kubeconfig that names a server is taken", async () => {
  const text = config({ clusters, contexts, "current-context": "here" });
  expect(await messageFor(text)).toBe("");
});
