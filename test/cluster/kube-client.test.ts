import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll } from "vitest";
import { systemClock } from "#base/clock.ts";
import type { KubeObject, Resource } from "#base/object.ts";
import { type Condition, isTrue } from "#kube/conditions.ts";
import { KubeConfigConnection, loadKubeConfig } from "#kube/connection.ts";
import { HttpKubeClient } from "#kube/http-client.ts";
import { noMetrics } from "#kube/metrics.ts";
import { kubeClientSuite } from "#test/compliance/kube-client.suite.ts";
import { createNamespace, deleteNamespace, uniqueName, useCluster } from "./harness.ts";

const CRDS: Resource = {
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
};

type Definition = KubeObject<object, { readonly conditions?: readonly Condition[] }>;

const group = `${uniqueName("kube-client")}.steelyard.dev`;
const widgets: Resource = {
  group,
  version: "v1",
  kind: "Widget",
  plural: "widgets",
  namespaced: true,
};
const definition = { name: `widgets.${group}` };
const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
const version = {
  name: "v1",
  served: true,
  storage: true,
  schema: {
    openAPIV3Schema: {
      type: "object",
      properties: {
        spec: { ...open, properties: { replicas: { type: "integer" } } },
        status: open,
      },
    },
  },
  subresources: {
    status: {},
    scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
  },
};

const soon = (): AbortSignal => AbortSignal.timeout(30_000);

function connect(): { client: HttpKubeClient; close: () => Promise<void> } {
  const connection = new KubeConfigConnection(loadKubeConfig(useCluster().kubeconfig), systemClock);
  const userAgent = "steelyard-test";
  const client = new HttpKubeClient({
    connection,
    clock: systemClock,
    metrics: noMetrics,
    userAgent,
  });
  return { client, close: () => connection.close() };
}

beforeAll(async () => {
  const { client, close } = connect();
  const names = { plural: "widgets", singular: "widget", kind: "Widget" };
  const spec = { group, scope: "Namespaced", names, versions: [version] };
  await client.create(CRDS, { metadata: definition, spec }, soon());
  const isEstablished = async (): Promise<boolean> => {
    const found = await client.get<Definition>(CRDS, definition, soon());
    return isTrue(found?.status?.conditions, "Established");
  };
  while (!(await isEstablished())) await sleep(50);
  await close();
});

afterAll(async () => {
  const { client, close } = connect();
  await client.delete(CRDS, definition, {}, soon());
  await close();
});

kubeClientSuite("HttpKubeClient before a real API server", async () => {
  const { client, close } = connect();
  const namespace = uniqueName("kube-client");
  await createNamespace(useCluster(), namespace);
  return {
    client,
    widgets,
    namespace,
    [Symbol.asyncDispose]: async () => {
      await deleteNamespace(useCluster(), namespace);
      await close();
    },
  };
});
