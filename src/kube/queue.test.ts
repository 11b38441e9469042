import { describe, expect, it } from "vitest";
import { type Duration, seconds } from "#base/duration.ts";
import { FakeClock, settle } from "#test/fakes/clock.ts";
import { noMetrics } from "./metrics.ts";
import { KeyedQueue } from "./queue.ts";

/** A queue whose work ends when the test says so. */
function start({ workers = 1, hold = false, isUrgent = (_: string): boolean => false } = {}) {
  const clock = new FakeClock();
  const stop = new AbortController();
  const runs: string[] = [];
  const ends = new Map<string, () => void>();
  const queue = new KeyedQueue({
    name: "test",
    clock,
    random: () => 1,
    metrics: noMetrics,
    firstDelay: seconds(1),
    maxDelay: seconds(8),
    isUrgent,
  });
  const work = async (key: string): Promise<void> => {
    runs.push(key);
    if (hold) await new Promise<void>((resolve) => ends.set(key, resolve));
  };
  const done = queue.run(workers, work, stop.signal);
  const finish = async (key: string): Promise<void> => {
    ends.get(key)?.();
    await settle();
  };
  return { clock, queue, runs, finish, stop, done };
}

describe("KeyedQueue", () => {
  it("hands out keys in the order in which they came", async () => {
    const { queue, runs } = start();
    for (const key of ["a", "b", "c"]) queue.add(key);
    await settle();
    expect(runs).toEqual(["a", "b", "c"]);
  });

  it("lets timers and sockets have their turn where work follows work without waiting", async () => {
    let now = 0;
    const clock = { now: () => now++, sleep: () => new Promise<void>(() => undefined) };
    const options = { name: "test", clock, random: () => 1, metrics: noMetrics };
    const queue = new KeyedQueue(options);
    let done = 0;
    let doneInFirstTurn = 0;
    setImmediate(() => {
      doneInFirstTurn = done;
    });
    for (let n = 0; n < 100; n++) queue.add(`${n}`);
    const stop = new AbortController();
    const work = async (): Promise<void> => {
      if (++done === 100) stop.abort();
    };
    await queue.run(4, work, stop.signal);
    expect(done).toBe(100);
    expect(doneInFirstTurn).toBeLessThan(30);
  });

  it("hands out what is urgent first", async () => {
    const { queue, runs, finish } = start({ hold: true, isUrgent: (key) => key.startsWith("!") });
    for (const key of ["a", "b", "!c", "!d"]) queue.add(key);
    for (const key of ["a", "!c", "!d", "b"]) await finish(key);
    expect(runs).toEqual(["a", "!c", "!d", "b"]);
  });

  it("queues a key once, however often it is added", async () => {
    const { queue, runs, finish } = start({ hold: true });
    for (const key of ["a", "b", "b", "b"]) queue.add(key);
    await finish("a");
    await finish("b");
    expect(runs).toEqual(["a", "b"]);
  });

  it("never works on a key twice at a time, and runs it again for what came meanwhile", async () => {
    const { queue, runs, finish } = start({ hold: true, workers: 4 });
    queue.add("a");
    await settle();
    queue.add("a");
    queue.add("a");
    await settle();
    expect(runs).toEqual(["a"]);
    await finish("a");
    expect(runs).toEqual(["a", "a"]);
    await finish("a");
    expect(runs).toEqual(["a", "a"]);
  });

  it("works on as many keys at once as it has workers", async () => {
    const { queue, runs, finish } = start({ hold: true, workers: 2 });
    for (const key of ["a", "b", "c"]) queue.add(key);
    await settle();
    expect(runs).toEqual(["a", "b"]);
    await finish("b");
    expect(runs).toEqual(["a", "b", "c"]);
  });

  it("waits for a key's time", async () => {
    const { clock, queue, runs } = start();
    queue.addAfter("a", seconds(5));
    await clock.advance(seconds(4.9));
    expect(runs).toEqual([]);
    await clock.advance(seconds(0.1));
    expect(runs).toEqual(["a"]);
  });

  it("takes the earliest of several times, and that once", async () => {
    const { clock, queue, runs } = start();
    queue.addAfter("a", seconds(5));
    queue.addAfter("a", seconds(1));
    queue.addAfter("a", seconds(3));
    await clock.advance(seconds(1));
    expect(runs).toEqual(["a"]);
    await clock.advance(seconds(10));
    expect(runs).toEqual(["a"]);
  });

  it("forgets what waited when a run of the key begins", async () => {
    const { clock, queue, runs } = start();
    queue.addAfter("a", seconds(5));
    queue.add("a");
    await clock.advance(seconds(10));
    expect(runs).toEqual(["a"]);
  });

  it("keeps the times of many keys apart", async () => {
    const { clock, queue, runs } = start();
    const delays = Array.from({ length: 200 }, (_, i) => (i * 37) % 200);
    for (const delay of delays) queue.addAfter(`${delay}`, seconds(delay));
    await clock.advance(seconds(99));
    expect(runs).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
  });

  it("doubles the delay with each failure up to its limit, until the key is well", async () => {
    const { clock, queue, runs } = start();
    const delays: number[] = [];
    for (let failure = 0; failure < 5; failure++) {
      const before = clock.now();
      const ran = runs.length;
      queue.addBackedOff("a");
      while (runs.length === ran) await clock.advance(100 as Duration);
      delays.push((clock.now() - before) / 1_000);
    }
    expect(delays).toEqual([1, 2, 4, 8, 8]);
    queue.forget("a");
    queue.addBackedOff("a");
    await clock.advance(seconds(1));
    expect(runs).toHaveLength(6);
  });

  it("stays away for at least as long as the server asked", async () => {
    const { clock, queue, runs } = start();
    queue.addBackedOff("a", seconds(30));
    await clock.advance(seconds(29));
    expect(runs).toEqual([]);
    await clock.advance(seconds(1));
    expect(runs).toEqual(["a"]);
  });

  it("ends when what is under way has ended, and begins nothing new", async () => {
    const { queue, runs, finish, stop, done } = start({ hold: true });
    queue.add("a");
    queue.add("b");
    await settle();
    let ended = false;
    const end = done.then(() => {
      ended = true;
    });
    stop.abort();
    await settle();
    expect(ended).toBe(false);
    await finish("a");
    await end;
    expect(runs).toEqual(["a"]);
  });

  it("leaves no timer behind", async () => {
    const { clock, queue, stop, done } = start();
    queue.addAfter("a", seconds(60));
    await settle();
    expect(clock.sleeping).toBe(1);
    stop.abort();
    await done;
    expect(clock.sleeping).toBe(0);
  });
});
