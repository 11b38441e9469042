import { describe, expect, it } from "vitest";
import type { KubeObject } from "#base/object.ts";
import { ObjectCache } from "./cache.ts";

type Task = KubeObject<{ readonly machine: string }>;

const task = (name: string, version: number, machine = "m1"): Task => ({
  metadata: { namespace: "n", name, uid: `uid-${name}`, resourceVersion: String(version) },
  spec: { machine },
});

function filled(...tasks: Task[]) {
  const cache = new ObjectCache<Task>({ indexes: { machine: ({ spec }) => [spec.machine] } });
  const changes: string[] = [];
  const list = (version: number, ...items: Task[]): void => {
    const relist = cache.relist(String(version));
    relist.page(items);
    relist.end();
  };
  list(10, ...tasks);
  cache.onChange((key, object, previous) => {
    const [now, before] = [object, previous].map((o) => o?.metadata.resourceVersion ?? "-");
    changes.push(`${key} ${before}>${now}`);
  });
  changes.length = 0;
  return { cache, changes, list };
}

describe("ObjectCache", () => {
  it("is synced when the first list is whole, also an empty one", async () => {
    const cache = new ObjectCache<Task>();
    const relist = cache.relist("5");
    expect(cache.isSynced).toBe(false);
    relist.end();
    expect(cache.isSynced).toBe(true);
    await cache.synced(AbortSignal.timeout(1_000));
  });

  it("lets go who waits for it and is stopped", async () => {
    const waits = new ObjectCache<Task>().synced(AbortSignal.abort(new Error("stopped")));
    await expect(waits).rejects.toThrow("stopped");
  });

  it("finds objects by key and by index, as they change", () => {
    const { cache } = filled(task("a", 1), task("b", 2), task("c", 3, "m2"));
    expect(cache.get("n/a")?.metadata.name).toBe("a");
    const names = (machine: string) => cache.by("machine", machine).map((o) => o.metadata.name);
    expect(names("m1")).toEqual(["a", "b"]);
    cache.changed(task("b", 11, "m2"));
    cache.deleted(task("a", 12));
    expect(names("m1")).toEqual([]);
    expect(names("m2")).toEqual(["c", "b"]);
  });

  it("tells a late listener of what is there already", () => {
    const { cache } = filled(task("a", 1));
    const keys: string[] = [];
    const end = cache.onChange((key) => keys.push(key));
    end();
    cache.changed(task("b", 11));
    expect(keys).toEqual(["n/a"]);
  });

  it("reports what vanished while it was not watching", () => {
    const { changes, list } = filled(task("a", 1), task("b", 2));
    list(20, task("b", 15));
    expect(changes).toEqual(["n/b 2>15", "n/a 1>-"]);
  });

  it("says nothing of what a new list finds unchanged", () => {
    const { changes, list } = filled(task("a", 1));
    list(20, task("a", 1));
    expect(changes).toEqual([]);
  });

  it("shows the answer to a write of our own at once, and the watch's echo of it never", () => {
    const { cache, changes } = filled(task("a", 1));
    cache.observeWrite(task("a", 14));
    cache.changed(task("a", 13)); // somebody's write before ours
    cache.changed(task("a", 14));
    expect(cache.get("n/a")?.metadata.resourceVersion).toBe("14");
    expect(changes).toEqual(["n/a 1>14"]);
  });

  it("is not taken back by an answer that comes after later news", () => {
    const { cache } = filled(task("a", 1));
    cache.changed(task("a", 20));
    cache.observeWrite(task("a", 14));
    expect(cache.get("n/a")?.metadata.resourceVersion).toBe("20");
  });

  it("does not bring back what was deleted before our answer came", () => {
    const { cache } = filled(task("a", 1));
    cache.deleted(task("a", 15));
    cache.observeWrite(task("a", 14));
    expect(cache.get("n/a")).toBeUndefined();
  });

  it("keeps what we created when the list that follows is older", () => {
    const { cache, list } = filled();
    cache.observeWrite(task("a", 30));
    list(25);
    expect(cache.get("n/a")).toBeDefined();
    list(35);
    expect(cache.get("n/a")).toBeUndefined();
  });

  it("compares versions as numbers", () => {
    const { cache } = filled(task("a", 9));
    cache.changed(task("a", 100));
    cache.changed(task("a", 99));
    expect(cache.get("n/a")?.metadata.resourceVersion).toBe("100");
  });

  it("believes a restored API server, whose versions are lower", () => {
    const { cache, list } = filled(task("a", 9));
    cache.changed(task("a", 100));
    cache.changed(task("b", 101));
    list(50, task("a", 40));
    expect(cache.get("n/a")?.metadata.resourceVersion).toBe("40");
    expect(cache.get("n/b")).toBeUndefined();
  });

  it("keeps nothing of managedFields", () => {
    const { cache } = filled();
    const { metadata, ...rest } = task("a", 11);
    const whole = { ...rest, metadata: { ...metadata, managedFields: [{ manager: "x" }] } };
    cache.changed(whole);
    expect(cache.get("n/a")?.metadata).toEqual(metadata);
  });
});
