import { describe, expect, it } from "vitest";
import type { KubeObject, Resource } from "#base/object.ts";
import { FakeCluster } from "#test/fakes/cluster.ts";
import { ObjectCache } from "./cache.ts";
import { statusWriter } from "./status.ts";

type Widget = KubeObject<object, { readonly phase?: string; readonly tries?: number }>;

const resource: Resource = {
  group: "test.steelyard.dev",
  version: "v1",
  kind: "Widget",
  plural: "widgets",
  namespaced: true,
};
const soon = (): AbortSignal => AbortSignal.timeout(5_000);

async function start() {
  const client = new FakeCluster();
  const metadata = { namespace: "n", name: "a" };
  const object = await client.create<Widget>(resource, { metadata, spec: {} }, soon());
  if (object === null) throw new Error("not created");
  const cache = new ObjectCache<Widget>();
  const write = statusWriter<Widget>({ client, resource, cache });
  return { client, object, cache, write };
}

describe("statusWriter", () => {
  it("writes what differs, and shows it in the cache at once", async () => {
    const { object, cache, write } = await start();
    const after = await write(object, { phase: "Ready" }, soon());
    expect(after.status).toEqual({ phase: "Ready" });
    expect(cache.get("n/a")).toEqual(after);
  });

  it("removes what is no longer there", async () => {
    const { object, write } = await start();
    const before = await write(object, { phase: "Ready", tries: 3 }, soon());
    expect((await write(before, { phase: "Ready" }, soon())).status).toEqual({ phase: "Ready" });
  });

  it("sends nothing when nothing differs", async () => {
    const { client, object, write } = await start();
    const before = await write(object, { phase: "Ready" }, soon());
    const writes = client.writes.length;
    expect(await write(before, { phase: "Ready" }, soon())).toBe(before);
    expect(client.writes).toHaveLength(writes);
  });

  it("is refused when it was decided from an old view", async () => {
    const { object, write } = await start();
    await write(object, { phase: "Ready" }, soon());
    const late = write(object, { phase: "Broken" }, soon());
    await expect(late).rejects.toMatchObject({ code: 409, reason: "Conflict" });
  });

  it("never writes to another object of the same name", async () => {
    const { client, object, write } = await start();
    const metadata = { namespace: "n", name: "a" };
    await client.delete(resource, metadata, {}, soon());
    await client.create(resource, { metadata, spec: {} }, soon());
    const late = write(object, { phase: "Ready" }, soon());
    await expect(late).rejects.toMatchObject({ code: 409, reason: "Conflict" });
  });
});
