import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { uniqueName, useOwnCluster } from "./harness.ts";

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.error("SKIPPED netns-door.test.ts: network namespaces need root");

describe.runIf(isRoot)("a control plane with a door into a network namespace", () => {
  const netns = uniqueName("door");
  beforeAll(async () => {
    await run("ip", ["netns", "add", netns]);
    await run("ip", ["-n", netns, "link", "set", "lo", "up"]);
  });
  afterAll(() => run("ip", ["netns", "delete", netns]));
  const cluster = useOwnCluster({ controllerManager: false, netns });

  /** kubectl with the one kubeconfig, inside the namespace. */
  async function kubectlInside(...args: string[]): Promise<string> {
    const { kubectl, kubeconfig } = cluster();
    const command = [kubectl, "--kubeconfig", kubeconfig, ...args];
    const { stdout } = await run("ip", ["netns", "exec", netns, ...command]);
    return stdout;
  }

  it("answers by the same kubeconfig inside as outside", async () => {
    expect(await kubectlInside("get", "--raw", "/readyz")).toBe("ok");
  });

  it("is as dead inside as outside while the API server is stopped", async () => {
    await cluster().stopApiServer();
    await expect(kubectlInside("get", "--raw", "/readyz")).rejects.toThrow();
    await cluster().startApiServer(AbortSignal.timeout(60_000));
    expect(await kubectlInside("get", "--raw", "/readyz")).toBe("ok");
  });
});
