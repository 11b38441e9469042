import { describe, expect, it } from "vitest";
import { seconds } from "#base/duration.ts";
import { FakeClock } from "#test/fakes/clock.ts";
import { Progress } from "./progress.ts";

const START = "2026-01-01T00:00:00.000Z";

describe("Progress", () => {
  it("tells of steps as they begin, go on and end", async () => {
    const clock = new FakeClock();
    let changes = 0;
    const progress = new Progress(clock, () => changes++);
    await progress.step("Write", async (advance) => {
      advance(41.9);
      expect(progress.now).toStrictEqual({
        steps: [{ name: "Write", state: "Running", startedAt: START, progressPercent: 41 }],
      });
      await clock.advance(seconds(2));
    });
    expect(progress.now.steps).toStrictEqual([
      {
        name: "Write",
        state: "Succeeded",
        startedAt: START,
        finishedAt: "2026-01-01T00:00:02.000Z",
      },
    ]);
    expect(changes).toBe(2);
  });

  it("keeps why a step failed, cut to what a status takes", async () => {
    const progress = new Progress(new FakeClock(), () => {});
    const failing = progress.step("Write", () => Promise.reject(new Error("x".repeat(300))));
    await expect(failing).rejects.toThrow("x");
    expect(progress.now.steps?.[0]).toMatchObject({ state: "Failed", message: "x".repeat(256) });
  });

  it("keeps the last 512 bytes of its log, and no half characters", () => {
    const progress = new Progress(new FakeClock(), () => {});
    for (let n = 0; n < 99; n++) progress.note("§§§§§§§§§");
    const { logTail = "" } = progress.now;
    expect(Buffer.byteLength(logTail)).toBeLessThanOrEqual(512);
    expect(logTail).toMatch(/^[§\n]+$/);
  });
});
