import { KubeConfig } from "@kubernetes/client-node";
import { systemClock } from "#base/clock.ts";
import type { Resource } from "#base/object.ts";
import { KubeConfigConnection } from "#kube/connection.ts";
import { HttpKubeClient } from "#kube/http-client.ts";
import { noMetrics } from "#kube/metrics.ts";
import { FakeApiServer } from "#test/fakes/api-server.ts";
import { FakeCluster } from "#test/fakes/cluster.ts";
import { kubeClientSuite } from "./kube-client.suite.ts";

// Against a real API server: test/cluster/kube-client.test.ts.

const widgets: Resource = {
  group: "test.steelyard.dev",
  version: "v1",
  kind: "Widget",
  plural: "widgets",
  namespaced: true,
};

kubeClientSuite("FakeCluster", async () => ({
  client: new FakeCluster(),
  widgets,
  namespace: "default",
  [Symbol.asyncDispose]: async () => undefined,
}));

kubeClientSuite("HttpKubeClient before a FakeApiServer", async () => {
  const server = await FakeApiServer.start(new FakeCluster());
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: "fake", server: server.url, skipTLSVerify: true },
    { name: "test" },
  );
  const connection = new KubeConfigConnection(config, systemClock);
  const client = new HttpKubeClient({
    connection,
    clock: systemClock,
    metrics: noMetrics,
    userAgent: "steelyard-test",
  });
  return {
    client,
    widgets,
    namespace: "default",
    [Symbol.asyncDispose]: async () => {
      await connection.close();
      await server[Symbol.asyncDispose]();
    },
  };
});
