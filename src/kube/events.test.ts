import { describe, expect, it } from "vitest";
import { minutes, seconds } from "#base/duration.ts";
import type { KubeObject, Resource } from "#base/object.ts";
import { FakeClock, settle } from "#test/fakes/clock.ts";
import { type Call, FakeCluster } from "#test/fakes/cluster.ts";
import { FakeLog } from "#test/fakes/log.ts";
import { ApiError } from "./client.ts";
import { EVENTS, type EventText, KubeEventRecorder } from "./events.ts";
import { noMetrics } from "./metrics.ts";

const machines: Resource = {
  group: "steelyard.dev",
  version: "v1alpha1",
  kind: "Machine",
  plural: "machines",
  namespaced: true,
};

const machine: KubeObject = {
  metadata: { namespace: "n", name: "m1", uid: "uid-1", resourceVersion: "7" },
  spec: {},
};

interface Event {
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
  readonly involvedObject: object;
}

function start(onCall: (call: Call) => void = () => undefined) {
  const clock = new FakeClock();
  const cluster = new FakeCluster({ clock, onCall });
  const { log, lines } = new FakeLog();
  let dropped = 0;
  const recorder = new KubeEventRecorder({
    client: cluster,
    component: "steelyard-operator",
    instance: "pod-1",
    clock,
    random: () => 1,
    log,
    metrics: { ...noMetrics, eventDropped: () => dropped++ },
  });
  const stop = new AbortController();
  const done = recorder.run(stop.signal);
  const tell = (changes: Partial<EventText> = {}, about = machine): void => {
    const text = { type: "Normal", reason: "Deployed", message: "It runs.", ...changes } as const;
    recorder.record(machines, about, text);
  };
  const events = async (): Promise<(Event & KubeObject)[]> => {
    await settle();
    const { items } = await cluster.list(EVENTS, {}, AbortSignal.timeout(1_000));
    return items as unknown as (Event & KubeObject)[];
  };
  return { clock, cluster, tell, events, stop, done, lines, dropped: () => dropped };
}

describe("KubeEventRecorder", () => {
  it("writes an Event about the object, where kubectl describe looks for it", async () => {
    const { tell, events } = start();
    tell();
    expect(await events()).toMatchObject([
      {
        metadata: { namespace: "n" },
        involvedObject: { apiVersion: "steelyard.dev/v1alpha1", kind: "Machine", uid: "uid-1" },
        type: "Normal",
        reason: "Deployed",
        message: "It runs.",
        count: 1,
        source: { component: "steelyard-operator" },
      },
    ]);
  });

  it("puts those about cluster-scoped objects into the namespace default", async () => {
    const { tell, events } = start();
    const { namespace: _, ...metadata } = machine.metadata;
    tell({}, { ...machine, metadata });
    expect((await events())[0]?.metadata.namespace).toBe("default");
  });

  it("counts what repeats within ten minutes, and begins anew after them", async () => {
    const { clock, tell, events } = start();
    tell();
    await clock.advance(minutes(1));
    tell();
    await clock.advance(minutes(9));
    tell();
    expect(await events()).toMatchObject([
      { count: 3, firstTimestamp: "2026-01-01T00:00:00Z", lastTimestamp: "2026-01-01T00:10:00Z" },
    ]);
    await clock.advance(minutes(11));
    tell();
    expect((await events()).map(({ count }) => count)).toEqual([3, 1]);
  });

  it("tells many messages of one reason as one", async () => {
    const { tell, events } = start();
    for (let i = 0; i < 14; i++) tell({ message: `step ${i}` });
    const seen = await events();
    expect(seen).toHaveLength(11);
    expect(seen.at(-1)).toMatchObject({ count: 4, message: expect.stringContaining("similar") });
  });

  it("tells at most 25 at once about an object, and then one in five minutes", async () => {
    const { clock, tell, events, dropped } = start();
    const total = async () => (await events()).reduce((sum, { count }) => sum + count, 0);
    for (let i = 0; i < 40; i++) tell();
    expect(await total()).toBe(25);
    expect(dropped()).toBe(15);
    tell({}, { ...machine, metadata: { ...machine.metadata, name: "m2", uid: "uid-2" } });
    expect(await total()).toBe(26);
    await clock.advance(minutes(5));
    tell();
    tell();
    expect(await total()).toBe(27);
  });

  it("goes on after the API server was away", async () => {
    let away = true;
    const { clock, tell, events } = start(({ verb }) => {
      if (away && verb === "create") {
        throw new ApiError({ code: 500, reason: "InternalError", message: "" });
      }
    });
    tell();
    await settle();
    away = false;
    await clock.advance(seconds(2));
    expect(await events()).toHaveLength(1);
  });

  it("drops what is refused, and says so once", async () => {
    const { clock, tell, events, lines, dropped } = start(({ verb }) => {
      if (verb === "create") throw new ApiError({ code: 403, reason: "Forbidden", message: "" });
    });
    tell();
    await clock.advance(minutes(1));
    expect(await events()).toEqual([]);
    expect(lines).toEqual(["warn an Event was dropped"]);
    expect(dropped()).toBe(1);
  });

  it("sends what is left when the process ends", async () => {
    const { tell, events, stop, done } = start();
    for (const uid of ["1", "2", "3", "4"]) {
      tell({}, { ...machine, metadata: { ...machine.metadata, name: `m${uid}`, uid } });
    }
    stop.abort();
    await done;
    expect(await events()).toHaveLength(4);
  });

  it("writes a new Event when the old one has expired in the API", async () => {
    const { cluster, tell, events } = start();
    tell();
    const [event] = await events();
    if (event === undefined) throw new Error("no Event");
    await cluster.delete(EVENTS, event.metadata, {}, AbortSignal.timeout(1_000));
    tell();
    expect(await events()).toMatchObject([{ count: 2 }]);
  });
});
