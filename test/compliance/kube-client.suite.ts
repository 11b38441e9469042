import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { KubeObject, Resource } from "#base/object.ts";
import { ApiError, type KubeClient, type WatchEvent } from "#kube/client.ts";

/** What the suite needs of an API server. */
export interface Arena extends AsyncDisposable {
  readonly client: KubeClient;
  /** A kind with the subresources status and scale (spec.replicas), and a spec of any fields. */
  readonly widgets: Resource;
  /** A namespace that is empty of them. */
  readonly namespace: string;
}

type Widget = KubeObject<
  { readonly color?: string; readonly size?: number; readonly replicas?: number },
  { readonly phase?: string; readonly seen?: number }
>;

const soon = (): AbortSignal => AbortSignal.timeout(10_000);

/** The contract of {@link KubeClient}. `open` gives a fresh namespace each time. */
export function kubeClientSuite(name: string, open: () => Promise<Arena>): void {
  describe(`${name} as a KubeClient`, () => {
    async function start(...names: string[]) {
      const arena = await open();
      const { client, widgets, namespace } = arena;
      const make = (name: string, more: object = {}): Promise<Widget | null> =>
        client.create<Widget>(
          widgets,
          { metadata: { name, namespace, ...more }, spec: { color: "red" } },
          soon(),
        );
      for (const each of names) await make(each);
      const ref = { namespace, name: names[0] ?? "" };
      const get = async (name = ref.name): Promise<Widget> => {
        const found = await client.get<Widget>(widgets, { namespace, name }, soon());
        if (found === null) throw new Error(`${name} is gone`);
        return found;
      };
      const list = (options: object = {}) =>
        client.list<Widget>(widgets, { namespace, ...options }, soon());
      return { arena, client, widgets, namespace, make, ref, get, list };
    }

    describe("get and create", () => {
      it("answers null for what is not there", async () => {
        const { arena, client, widgets, namespace } = await start();
        await using _ = arena;
        expect(await client.get(widgets, { namespace, name: "none" }, soon())).toBeNull();
      });

      it("creates an object with a UID, a version and generation 1", async () => {
        const { arena, make, get } = await start();
        await using _ = arena;
        const made = await make("a");
        expect(made?.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
        expect(made?.metadata.generation).toBe(1);
        expect((await get("a")).metadata.resourceVersion).toBe(made?.metadata.resourceVersion);
      });

      it("answers null for a name that is taken, and leaves the one who has it", async () => {
        const { arena, make, get } = await start("a");
        await using _ = arena;
        const before = await get();
        expect(await make("a")).toBeNull();
        expect(await get()).toEqual(before);
      });

      it("keeps times as the strings that they are", async () => {
        const { arena, get } = await start("a");
        await using _ = arena;
        expect((await get()).metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT[\d:]{8}Z$/);
      });
    });

    describe("patch and replace", () => {
      it("changes spec by a merge patch, counting the generation", async () => {
        const { arena, client, widgets, ref } = await start("a");
        await using _ = arena;
        const patch = { spec: { color: null, size: 3 } };
        const { spec, metadata } = await client.mergePatch<Widget>(widgets, ref, patch, {}, soon());
        expect(spec).toEqual({ size: 3 });
        expect(metadata.generation).toBe(2);
      });

      it("writes status apart from spec", async () => {
        const { arena, client, widgets, ref, get } = await start("a");
        await using _ = arena;
        const patch = { spec: { color: "blue" }, status: { phase: "Ready" } };
        await client.mergePatch(widgets, ref, patch, { subresource: "status" }, soon());
        expect(await get()).toMatchObject({ spec: { color: "red" }, status: { phase: "Ready" } });
        await client.mergePatch(widgets, ref, { status: { phase: "Lost" } }, {}, soon());
        expect(await get()).toMatchObject({
          status: { phase: "Ready" },
          metadata: { generation: 1 },
        });
      });

      it("refuses a patch that was decided from an older version", async () => {
        const { arena, client, widgets, ref, get } = await start("a");
        await using _ = arena;
        const { resourceVersion } = (await get()).metadata;
        const options = { subresource: "status", resourceVersion } as const;
        await client.mergePatch(widgets, ref, { status: { seen: 1 } }, options, soon());
        const late = client.mergePatch(widgets, ref, { status: { seen: 2 } }, options, soon());
        await expect(late).rejects.toMatchObject({ code: 409, reason: "Conflict" });
        expect((await get()).status?.seen).toBe(1);
      });

      it("refuses a patch that was meant for an earlier object of that name", async () => {
        const { arena, client, widgets, ref } = await start("a");
        await using _ = arena;
        const uid = "11111111-1111-4111-8111-111111111111";
        const patch = client.mergePatch(widgets, ref, { spec: { size: 1 } }, { uid }, soon());
        await expect(patch).rejects.toMatchObject({ code: 409, reason: "Conflict" });
      });

      it("writes nothing where a patch changes nothing", async () => {
        const { arena, client, widgets, ref, get } = await start("a");
        await using _ = arena;
        const before = await get();
        await client.mergePatch(widgets, ref, { spec: { color: "red" } }, {}, soon());
        expect((await get()).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
      });

      it("replaces an object whole, once per version", async () => {
        const { arena, client, widgets, get } = await start("a");
        await using _ = arena;
        const before = await get();
        await client.replace(widgets, { ...before, spec: { size: 7 } }, {}, soon());
        expect((await get()).spec).toEqual({ size: 7 });
        const late = client.replace(widgets, { ...before, spec: { size: 8 } }, {}, soon());
        await expect(late).rejects.toMatchObject({ code: 409, reason: "Conflict" });
      });

      it("replaces a status alone", async () => {
        const { arena, client, widgets, get } = await start("a");
        await using _ = arena;
        const wanted = { ...(await get()), spec: { size: 9 }, status: { phase: "Ready" } };
        await client.replace(widgets, wanted, { subresource: "status" }, soon());
        expect(await get()).toMatchObject({ spec: { color: "red" }, status: { phase: "Ready" } });
      });

      it("says that what is to be patched is not there", async () => {
        const { arena, client, widgets, namespace } = await start();
        await using _ = arena;
        const patch = client.mergePatch(widgets, { namespace, name: "none" }, {}, {}, soon());
        await expect(patch).rejects.toMatchObject({ code: 404, reason: "NotFound" });
      });

      it("scales", async () => {
        const { arena, client, widgets, ref, get } = await start("a");
        await using _ = arena;
        const patch = { spec: { replicas: 4 } };
        await client.mergePatch(widgets, ref, patch, { subresource: "scale" }, soon());
        expect((await get()).spec).toEqual({ color: "red", replicas: 4 });
      });

      it("applies what is not there yet, and again", async () => {
        const { arena, client, widgets, namespace, get } = await start();
        await using _ = arena;
        const apply = (color: string) => {
          const object = { metadata: { name: "a", namespace }, spec: { color } };
          return client.apply(widgets, object, { fieldManager: "test", force: true }, soon());
        };
        await apply("green");
        await apply("blue");
        expect((await get("a")).spec).toEqual({ color: "blue" });
      });
    });

    describe("delete", () => {
      it("says whether there was one", async () => {
        const { arena, client, widgets, ref } = await start("a");
        await using _ = arena;
        expect(await client.delete(widgets, ref, {}, soon())).toBe(true);
        expect(await client.delete(widgets, ref, {}, soon())).toBe(false);
      });

      it("spares another object of that name", async () => {
        const { arena, client, widgets, ref, get } = await start("a");
        await using _ = arena;
        const uid = "11111111-1111-4111-8111-111111111111";
        const wrong = client.delete(widgets, ref, { uid }, soon());
        await expect(wrong).rejects.toMatchObject({ code: 409, reason: "Conflict" });
        await get();
      });

      it("waits for finalizers", async () => {
        const { arena, client, widgets, namespace, make, get } = await start();
        await using _ = arena;
        await make("a", { finalizers: ["test.steelyard.dev/hold"] });
        const ref = { namespace, name: "a" };
        await client.delete(widgets, ref, {}, soon());
        expect((await get("a")).metadata.deletionTimestamp).toBeDefined();
        await client.mergePatch(widgets, ref, { metadata: { finalizers: null } }, {}, soon());
        expect(await client.get(widgets, ref, soon())).toBeNull();
      });
    });

    describe("list", () => {
      it("gives pages that together are one state", async () => {
        const { arena, list, make } = await start("a", "b", "c");
        await using _ = arena;
        const first = await list({ limit: 2 });
        expect(first.items.map(({ metadata }) => metadata.name)).toEqual(["a", "b"]);
        await make("d");
        const last = await list({ limit: 2, continue: first.continue });
        expect(last.items.map(({ metadata }) => metadata.name)).toEqual(["c"]);
        expect(last.continue).toBeUndefined();
        expect(last.resourceVersion).toBe(first.resourceVersion);
      });

      it("selects by label and by name", async () => {
        const { arena, list, make } = await start("a");
        await using _ = arena;
        await make("b", { labels: { zone: "north" } });
        await make("c", { labels: { zone: "south" } });
        const names = async (options: object) =>
          (await list(options)).items.map(({ metadata }) => metadata.name);
        expect(await names({ labelSelector: "zone=north" })).toEqual(["b"]);
        expect(await names({ labelSelector: "zone in (north, south)" })).toEqual(["b", "c"]);
        expect(await names({ labelSelector: "!zone" })).toEqual(["a"]);
        expect(await names({ fieldSelector: "metadata.name=c" })).toEqual(["c"]);
      });
    });

    describe("watch", () => {
      /** Collects events in the background until the signal comes. */
      async function watching(options: object = {}, ...names: string[]) {
        const { arena, ...rest } = await start(...names);
        const { client, widgets, namespace, list } = rest;
        const { resourceVersion } = await list();
        const end = new AbortController();
        const seen: string[] = [];
        const take = (event: WatchEvent<Widget>): void => {
          if (event.type !== "BOOKMARK") seen.push(`${event.type} ${event.object.metadata.name}`);
        };
        const all = { namespace, resourceVersion, timeoutSeconds: 60, allowWatchBookmarks: true };
        const done = (async () => {
          const events = client.watch<Widget>(widgets, { ...all, ...options }, end.signal);
          for await (const event of events) take(event);
        })();
        done.catch(() => undefined);
        return { arena, end, seen, done, resourceVersion, ...rest };
      }

      const until = async (holds: () => boolean): Promise<void> => {
        for (let tries = 0; !holds() && tries < 500; tries++) await sleep(10);
      };

      it("tells what happens after a version, in its order", async () => {
        const { arena, seen, make, client, widgets, ref } = await watching({}, "a");
        await using _ = arena;
        await make("b");
        await client.mergePatch(widgets, ref, { spec: { size: 1 } }, {}, soon());
        await client.delete(widgets, ref, {}, soon());
        await until(() => seen.length >= 3);
        expect(seen).toEqual(["ADDED b", "MODIFIED a", "DELETED a"]);
      });

      it("goes on from any version that was seen", async () => {
        const { arena, end, seen, done, ...rest } = await watching({}, "a");
        await using _ = arena;
        await rest.make("b");
        await until(() => seen.length === 1);
        end.abort(new Error("enough"));
        await expect(done).rejects.toThrow("enough");
        await rest.make("c");
        const again: string[] = [];
        const options = {
          namespace: rest.namespace,
          resourceVersion: (await rest.get("b")).metadata.resourceVersion,
          timeoutSeconds: 60,
          allowWatchBookmarks: true,
        };
        for await (const event of rest.client.watch(rest.widgets, options, soon())) {
          if (event.type === "BOOKMARK") continue;
          again.push(event.object.metadata.name);
          break;
        }
        expect(again).toEqual(["c"]);
      });

      it("shows as deleted what leaves the selection", async () => {
        const options = { labelSelector: "zone=north" };
        const { arena, seen, make, client, widgets, namespace } = await watching(options);
        await using _ = arena;
        await make("a", { labels: { zone: "north" } });
        await make("b");
        const patch = { metadata: { labels: { zone: "south" } } };
        await client.mergePatch(widgets, { namespace, name: "a" }, patch, {}, soon());
        await until(() => seen.length >= 2);
        expect(seen).toEqual(["ADDED a", "DELETED a"]);
      });

      it("gives a deletion a version of its own", async () => {
        const { arena, client, widgets, ref, get, resourceVersion, namespace } = await watching(
          {},
          "a",
        );
        await using _ = arena;
        const before = Number((await get()).metadata.resourceVersion);
        await client.delete(widgets, ref, {}, soon());
        const options = {
          namespace,
          resourceVersion,
          timeoutSeconds: 60,
          allowWatchBookmarks: true,
        };
        for await (const event of client.watch(widgets, options, soon())) {
          if (event.type === "BOOKMARK") continue;
          expect(Number(event.object.metadata.resourceVersion)).toBeGreaterThan(before);
          break;
        }
      });

      it("ends in peace when its time is over", async () => {
        const { arena, done } = await watching({ timeoutSeconds: 1 });
        await using _ = arena;
        await done;
      });
    });

    it("obeys a signal that is spent", async () => {
      const { arena, client, widgets, ref } = await start("a");
      await using _ = arena;
      const signal = AbortSignal.abort(new Error("stopped"));
      await expect(client.get(widgets, ref, signal)).rejects.toThrow("stopped");
      await expect(client.mergePatch(widgets, ref, {}, {}, signal)).rejects.toThrow("stopped");
      await expect(client.list(widgets, {}, signal)).rejects.toThrow("stopped");
    });

    it("throws nothing but an ApiError", async () => {
      const { arena, client, namespace } = await start();
      await using _ = arena;
      const nothing: Resource = {
        group: "no.such.group",
        version: "v1",
        kind: "Nothing",
        plural: "nothings",
        namespaced: true,
      };
      const error = await client
        .mergePatch(nothing, { namespace, name: "a" }, {}, {}, soon())
        .catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(ApiError);
    });
  });
}
