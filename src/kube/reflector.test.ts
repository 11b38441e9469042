import { describe, expect, it } from "vitest";
import { minutes, seconds } from "#base/duration.ts";
import type { KubeObject, Resource } from "#base/object.ts";
import { FakeClock, settle } from "#test/fakes/clock.ts";
import { type Call, FakeCluster } from "#test/fakes/cluster.ts";
import { FakeLog } from "#test/fakes/log.ts";
import { ObjectCache } from "./cache.ts";
import { ApiError } from "./client.ts";
import { noMetrics } from "./metrics.ts";
import { Reflector } from "./reflector.ts";

const resource: Resource = {
  group: "test.steelyard.dev",
  version: "v1",
  kind: "Widget",
  plural: "widgets",
  namespaced: true,
};

const soon = (): AbortSignal => AbortSignal.timeout(5_000);

/** A reflector over a cluster in memory, whose answers to it `fault` may spoil. */
async function start({ fault = (_: Call): void => undefined, names = ["a", "b"] } = {}) {
  const clock = new FakeClock();
  const cluster = new FakeCluster({ clock });
  const calls: string[] = [];
  const front = new FakeCluster({ clock });
  const make = (name: string) =>
    cluster.create(resource, { metadata: { name, namespace: "n" }, spec: {} }, soon());
  for (const name of names) await make(name);
  const spoil = (call: Call): void => {
    calls.push(call.verb);
    fault(call);
  };
  const client = Object.assign(front, {
    list: async (...args: Parameters<FakeCluster["list"]>) => {
      spoil({ verb: "list", resource: "widgets", key: "" });
      return cluster.list(...args);
    },
    watch: async function* (...args: Parameters<FakeCluster["watch"]>) {
      spoil({ verb: "watch", resource: "widgets", key: "" });
      yield* cluster.watch(...args);
    },
  }) as FakeCluster;
  const cache = new ObjectCache<KubeObject>();
  const log = new FakeLog();
  const stop = new AbortController();
  const reflector = new Reflector({
    client,
    resource,
    cache,
    clock,
    random: () => 0.5,
    log: log.log,
    metrics: noMetrics,
    pageSize: 2,
  });
  const done = reflector.run(stop.signal);
  await settle();
  const remove = (name: string) => cluster.delete(resource, { namespace: "n", name }, {}, soon());
  const here = () => Array.from(cache.list(), ({ metadata }) => metadata.name).sort();
  return { clock, cluster, cache, calls, stop, done, make, remove, here, log };
}

const refuse = (code: number, reason: string) => (): never => {
  throw new ApiError({ code, reason, message: reason });
};

describe("Reflector", () => {
  it("lists page by page and then watches", async () => {
    const { cache, calls, here, make } = await start({ names: ["a", "b", "c"] });
    expect(here()).toEqual(["a", "b", "c"]);
    expect(cache.isSynced).toBe(true);
    await make("d");
    await settle();
    expect(here()).toEqual(["a", "b", "c", "d"]);
    expect(calls).toEqual(["list", "list", "watch"]);
  });

  it("goes on where it was when the watch breaks, without a new list", async () => {
    const { clock, cluster, calls, here, make, remove } = await start();
    cluster.breakWatches();
    await make("c");
    await remove("a");
    await clock.advance(seconds(2));
    expect(here()).toEqual(["b", "c"]);
    expect(calls).toEqual(["list", "watch", "watch"]);
  });

  it("goes on when the server ends the watch, with a version that bookmarks kept young", async () => {
    const { clock, cluster, calls, here, make } = await start();
    await clock.advance(minutes(1));
    await make("c");
    for (let minute = 0; minute < 12; minute++) {
      await clock.advance(minutes(1));
      await make(`m${minute}`);
    }
    await settle();
    cluster.compact();
    await clock.advance(minutes(1));
    expect(calls.filter((verb) => verb === "list")).toHaveLength(1);
    expect(here()).toContain("m11");
  });

  it("lists anew after 410, and learns what was deleted while it did not see", async () => {
    const { clock, cluster, calls, here, make, remove } = await start();
    cluster.breakWatches();
    await remove("a");
    await make("c");
    cluster.compact();
    await clock.advance(seconds(10));
    expect(here()).toEqual(["b", "c"]);
    expect(calls).toEqual(["list", "watch", "watch", "list", "watch"]);
  });

  it("waits longer from failure to failure, and at most 30 s", async () => {
    const times: number[] = [];
    let clock: FakeClock | undefined;
    const fault = (): void => {
      times.push(clock?.now() ?? 0);
      refuse(500, "InternalError")();
    };
    const { clock: ticking, cache } = await start({ fault });
    clock = ticking;
    await clock.advance(minutes(5));
    const delays = times.slice(2).map((time, i) => time - (times[i + 1] ?? 0));
    expect(delays.slice(0, 3)).toEqual([1_200, 2_400, 4_800]);
    expect(Math.max(...delays)).toBe(22_500); // 30 s, of which at least half and here 3/4
    expect(cache.isSynced).toBe(false);
  });

  it("stays away for as long as the server asks", async () => {
    let asked = 0;
    const fault = (): void => {
      if (asked++ > 0) return;
      throw new ApiError({
        code: 429,
        reason: "TooManyRequests",
        message: "",
        retryAfter: seconds(20),
      });
    };
    const { clock, cache } = await start({ fault });
    await clock.advance(seconds(19));
    expect(cache.isSynced).toBe(false);
    await clock.advance(seconds(1));
    expect(cache.isSynced).toBe(true);
  });

  it("gives up a watch from which nothing comes, and goes on from the same version", async () => {
    const { clock, calls, here, make, log } = await start();
    await clock.advance(seconds(89));
    expect(calls).toEqual(["list", "watch"]);
    await clock.advance(seconds(1));
    expect(calls).toEqual(["list", "watch", "watch"]);
    await make("c");
    await settle();
    expect(here()).toEqual(["a", "b", "c"]);
    // A kind of which the API server has seen no change gets no bookmarks: that is no news.
    expect(log.lines).toEqual(["debug nothing came; the watch is resumed"]);
  });

  it("does not hammer a server that ends each watch at once", async () => {
    const { clock, calls } = await start({
      fault: ({ verb }) => {
        if (verb === "watch") refuse(0, "Unreachable")();
      },
    });
    await clock.advance(minutes(1));
    expect(calls.length).toBeLessThan(10);
  });

  it("lists anew when the server asks for a version that it has not reached", async () => {
    let restored = false;
    const { clock, calls, cluster } = await start({
      fault: ({ verb }) => {
        if (verb !== "watch" || !restored) return;
        restored = false;
        throw new ApiError({
          code: 504,
          reason: "Timeout",
          message: "Too large resource version: 9",
        });
      },
    });
    restored = true;
    cluster.breakWatches();
    await clock.advance(seconds(10));
    expect(calls).toEqual(["list", "watch", "watch", "list", "watch"]);
  });

  it("ends with the signal and leaves no timer behind", async () => {
    const { clock, stop, done } = await start();
    stop.abort();
    await done;
    await settle();
    expect(clock.sleeping).toBe(0);
  });
});
