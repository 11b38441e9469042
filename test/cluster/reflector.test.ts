import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { KubeConfig } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { systemClock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import type { KubeObject, Resource } from "#base/object.ts";
import { ObjectCache } from "#kube/cache.ts";
import { KubeConfigConnection } from "#kube/connection.ts";
import { HttpKubeClient } from "#kube/http-client.ts";
import { noMetrics } from "#kube/metrics.ts";
import { Reflector } from "#kube/reflector.ts";
import { FakeLog } from "#test/fakes/log.ts";
import { Wire } from "#test/fakes/wire.ts";
import { useOwnCluster } from "./harness.ts";

const maps: Resource = {
  group: "",
  version: "v1",
  kind: "ConfigMap",
  plural: "configmaps",
  namespaced: true,
};
const soon = (): AbortSignal => AbortSignal.timeout(60_000);

describe("a Reflector before a real API server", () => {
  const cluster = useOwnCluster({ controllerManager: false });

  function clientTo(url: string): { client: HttpKubeClient; close: () => Promise<void> } {
    const { caFile, adminToken } = cluster();
    const caData = readFileSync(caFile).toString("base64");
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
      { name: "test", server: url, caData, skipTLSVerify: false },
      { name: "admin", token: adminToken },
    );
    const connection = new KubeConfigConnection(config, systemClock);
    const options = { connection, clock: systemClock, metrics: noMetrics, userAgent: "test" };
    return { client: new HttpKubeClient(options), close: () => connection.close() };
  }

  /** A reflector whose connections go over a wire; writes go around it. */
  async function start(prefix: string, idleLimit = seconds(90)) {
    const wire = await Wire.to(cluster().url);
    const near = clientTo(`https://127.0.0.1:${wire.port}`);
    const direct = clientTo(cluster().url);
    const stop = new AbortController();
    const cache = new ObjectCache<KubeObject>();
    const counts = { lists: 0 };
    const reflector = new Reflector({
      client: near.client,
      resource: maps,
      selection: { namespace: "default", labelSelector: `test=${prefix}` },
      cache,
      clock: systemClock,
      random: () => 0.5,
      log: new FakeLog().log,
      metrics: { ...noMetrics, relisted: () => counts.lists++ },
      idleLimit,
    });
    const done = reflector.run(stop.signal);
    await cache.synced(soon());
    const metadata = (name: string) => ({ namespace: "default", name: `${prefix}-${name}` });
    const labels = { test: prefix };
    return {
      wire,
      counts,
      direct: direct.client,
      make: (name: string) =>
        direct.client.create(maps, { metadata: { ...metadata(name), labels } }, soon()),
      remove: (name: string) => direct.client.delete(maps, metadata(name), {}, soon()),
      /** Waits until the cache holds these and no others. */
      sees: async (...names: string[]): Promise<void> => {
        const wanted = names.map((name) => `${prefix}-${name}`).join();
        const here = () =>
          Array.from(cache.list(), (o) => o.metadata.name)
            .sort()
            .join();
        while (here() !== wanted) await sleep(20);
      },
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        await done;
        await near.close();
        await direct.close();
        await wire[Symbol.asyncDispose]();
      },
    };
  }

  it("learns what was deleted while it was cut off, without a new list", async () => {
    await using it = await start("cut");
    await it.make("a");
    await it.make("b");
    await it.sees("a", "b");
    it.wire.cut();
    await it.remove("a");
    await it.make("c");
    it.wire.mend();
    await it.sees("b", "c");
    expect(it.counts.lists).toBe(1);
  });

  it("gets over a connection that is half open", async () => {
    await using it = await start("frozen", seconds(2));
    await it.make("a");
    await it.sees("a");
    it.wire.freeze();
    await it.remove("a");
    await it.make("b");
    await it.sees("b");
  });

  it("goes on after the API server was killed and started again", async () => {
    await using it = await start("restart");
    await it.make("a");
    await it.sees("a");
    await cluster().restartApiServer(soon());
    await it.make("b");
    await it.remove("a");
    await it.sees("b");
  });

  it("is told 410 for a version that is long gone", async () => {
    await using it = await start("old");
    const options = { resourceVersion: "1", timeoutSeconds: 5, allowWatchBookmarks: true };
    const events = it.direct.watch(maps, options, soon())[Symbol.asyncIterator]();
    await expect(events.next()).rejects.toMatchObject({ code: 410 });
  });
});
