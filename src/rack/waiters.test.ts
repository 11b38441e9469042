import { describe, expect, it } from "vitest";
import { seconds } from "#base/duration.ts";
import { FakeClock, settle } from "#test/fakes/clock.ts";
import { Waiters } from "./waiters.ts";

const never = new AbortController().signal;

describe("who waits for a machine", () => {
  it("is woken, and nobody else", async () => {
    const waiters = new Waiters();
    const clock = new FakeClock();
    const woken: string[] = [];
    const wait = async (uid: string): Promise<void> => {
      await waiters.wait(uid, seconds(30), clock, never);
      woken.push(uid);
    };
    const all = Promise.all([wait("a"), wait("a"), wait("b")]);
    waiters.wake("a");
    await settle();
    expect([woken, waiters.size]).toEqual([["a", "a"], 1]);
    await clock.advance(seconds(30));
    await all;
    expect([woken, waiters.size]).toEqual([["a", "a", "b"], 0]);
  });

  it("goes when the client goes, and leaves nothing", async () => {
    const waiters = new Waiters();
    const gone = new AbortController();
    const waiting = waiters.wait("a", seconds(30), new FakeClock(), gone.signal);
    gone.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    expect(waiters.size).toBe(0);
  });
});
