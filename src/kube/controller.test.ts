import { describe, expect, it } from "vitest";
import { minutes, seconds } from "#base/duration.ts";
import type { KubeObject } from "#base/object.ts";
import { FakeClock, settle } from "#test/fakes/clock.ts";
import { FakeLog } from "#test/fakes/log.ts";
import { ObjectCache } from "./cache.ts";
import { ApiError } from "./client.ts";
import { Controller, type Reconcile, specsOf, watching } from "./controller.ts";
import { NotLeader } from "./leader.ts";
import { noMetrics } from "./metrics.ts";

type Task = KubeObject<{ readonly machine: string }>;

const task = (name: string, version: number, machine: string): Task => ({
  metadata: { name, uid: name, resourceVersion: String(version) },
  spec: { machine },
});

function start(reconcile: Reconcile = async () => ({ after: null })) {
  const clock = new FakeClock();
  const { log, lines } = new FakeLog();
  const tasks = new ObjectCache<Task>();
  const runs: string[] = [];
  const results: string[] = [];
  const controller = new Controller({
    name: "machine",
    sources: [watching(tasks, ({ spec }) => [spec.machine])],
    reconcile: (key, signal) => {
      runs.push(key);
      return reconcile(key, signal);
    },
    workers: 2,
    clock,
    random: () => 1,
    log,
    metrics: { ...noMetrics, reconciled: (_, result) => results.push(result) },
  });
  const stop = new AbortController();
  const done = controller.run(stop.signal);
  const sync = async (): Promise<void> => {
    tasks.relist("10").end();
    await settle();
  };
  return { clock, tasks, controller, runs, results, lines, stop, done, sync };
}

describe("Controller", () => {
  it("does nothing before its caches are whole", async () => {
    const { tasks, runs } = start();
    const relist = tasks.relist("5");
    relist.page([task("t1", 1, "m1")]);
    await settle();
    expect(runs).toEqual([]);
    relist.end();
    await settle();
    expect(runs).toEqual(["m1"]);
  });

  it("wakes whom an object was about and whom it is about now", async () => {
    const { tasks, runs, sync } = start();
    await sync();
    tasks.changed(task("t1", 11, "m1"));
    await settle();
    tasks.changed(task("t1", 12, "m2"));
    await settle();
    tasks.deleted(task("t1", 13, "m2"));
    await settle();
    expect(runs).toEqual(["m1", "m2", "m1", "m2"]);
  });

  it("hears nothing of what leaves a spec as it was, where it goes by specs alone", async () => {
    const cache = new ObjectCache<Task>();
    const heard: string[] = [];
    specsOf(cache).onChange((key) => heard.push(key));
    const at = (version: number, generation: number): Task => {
      const { metadata, spec } = task("t1", version, "m1");
      return { metadata: { ...metadata, generation }, spec };
    };
    cache.changed(at(1, 1));
    cache.changed(at(2, 1));
    expect(heard).toEqual(["t1"]);
    cache.changed(at(3, 2));
    cache.deleted(at(4, 2));
    expect(heard).toEqual(["t1", "t1", "t1"]);
  });

  it("stays away for as long as the API server asked", async () => {
    const busy = { code: 429, reason: "TooManyRequests", message: "", retryAfter: minutes(1) };
    let refusals = 1;
    const { clock, controller, runs, sync } = start(async () => {
      if (refusals-- > 0) throw new ApiError(busy);
      return { after: null };
    });
    await sync();
    controller.enqueue("m1");
    await clock.advance(seconds(59));
    expect(runs).toHaveLength(1);
    await clock.advance(seconds(1));
    expect(runs).toHaveLength(2);
  });

  it("looks again when the reconcile asked for it", async () => {
    const { clock, controller, runs, results, sync } = start(async () => ({ after: minutes(1) }));
    await sync();
    controller.enqueue("m1");
    await clock.advance(minutes(3));
    expect(runs).toEqual(["m1", "m1", "m1", "m1"]);
    expect(results).toContain("requeue_after");
  });

  it.each([
    { error: new Error("a bug"), level: "error" },
    { error: new ApiError({ code: 500, reason: "InternalError", message: "" }), level: "warn" },
    { error: new ApiError({ code: 409, reason: "Conflict", message: "" }), level: "debug" },
    { error: new NotLeader(), level: "warn" },
  ])("tries again after $error, and logs it as $level", async ({ error, level }) => {
    let failures = 3;
    const { clock, controller, runs, results, lines, sync } = start(async () => {
      if (failures-- > 0) throw error;
      return { after: null };
    });
    await sync();
    controller.enqueue("m1");
    await clock.advance(seconds(1));
    expect(runs).toHaveLength(4);
    expect(results).toEqual(["error", "error", "error", "success"]);
    expect(lines[0]).toBe(`${level} the reconcile failed; it will be tried again`);
  });

  it("aborts a run that takes too long", async () => {
    const { clock, controller, results, sync } = start(async (_, signal) => {
      await new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason)),
      );
      return { after: null };
    });
    await sync();
    controller.enqueue("m1");
    await clock.advance(minutes(2));
    expect(results).toEqual(["error"]);
  });

  it("ends when the runs under way have ended, which are told to", async () => {
    const { clock, controller, stop, done, lines, sync } = start(async (_, signal) => {
      await new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason)),
      );
      return { after: null };
    });
    await sync();
    controller.enqueue("m1");
    await settle();
    stop.abort();
    await done;
    expect(lines).toEqual([]);
    expect(clock.sleeping).toBe(0);
  });

  it("begins from nothing when it is run again, as by a leader who leads again", async () => {
    const { tasks, controller, runs, stop, done, sync } = start();
    await sync();
    tasks.changed(task("t1", 11, "m1"));
    await settle();
    stop.abort();
    await done;
    const again = new AbortController();
    const second = controller.run(again.signal);
    await settle();
    tasks.changed(task("t2", 12, "m2"));
    await settle();
    again.abort();
    await second;
    expect(runs).toEqual(["m1", "m1", "m2"]);
  });

  it("ends also before its caches are whole", async () => {
    const { stop, done } = start();
    stop.abort();
    await done;
  });
});
