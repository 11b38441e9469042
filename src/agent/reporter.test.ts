import { describe, expect, it } from "vitest";
import type { Report } from "#api/agent.ts";
import { seconds } from "#base/duration.ts";
import { FakeClock } from "#test/fakes/clock.ts";
import { Unreachable } from "./http.ts";
import { Reporter } from "./reporter.ts";
import { Refused } from "./task-error.ts";

const { signal } = new AbortController();

/** A reporter whose rack answers as `answer` says, and what it heard. */
function reporting(answer: () => void = () => {}) {
  const clock = new FakeClock();
  const sent: Report[] = [];
  const refused: unknown[] = [];
  const send = async (report: Report): Promise<void> => {
    sent.push(report);
    answer();
  };
  const deps = { send, clock, log: () => {} };
  const reporter = new Reporter("t", deps, (error) => refused.push(error), signal);
  return { clock, sent, refused, reporter };
}

describe("Reporter", () => {
  it("says every ten seconds that the task goes on", async () => {
    const { clock, sent, reporter } = reporting();
    await clock.advance(seconds(35));
    expect(sent).toStrictEqual(Array.from({ length: 3 }, () => ({ task: "t", state: "Running" })));
    await reporter[Symbol.asyncDispose]();
  });

  it("tells of steps soon, and of fast ones together", async () => {
    const { clock, sent, reporter } = reporting();
    await reporter.progress.step("One", async () => {});
    await reporter.progress.step("Two", async () => {});
    await clock.advance(seconds(1));
    expect(
      sent.map(({ steps }) => steps?.map(({ name, state }) => `${name} ${state}`)),
    ).toStrictEqual([["One Succeeded", "Two Succeeded"]]);
    await reporter[Symbol.asyncDispose]();
  });

  it("goes on when a report gets lost", async () => {
    const { clock, sent, refused, reporter } = reporting(() => {
      throw new Unreachable("no route");
    });
    await clock.advance(seconds(25));
    expect([sent.length, refused.length]).toStrictEqual([2, 0]);
    await reporter[Symbol.asyncDispose]();
  });

  it("says once that it was refused, and sends nothing more", async () => {
    const { clock, sent, refused, reporter } = reporting(() => {
      throw new Refused("no grant");
    });
    await clock.advance(seconds(60));
    expect([sent.length, refused.length]).toStrictEqual([1, 1]);
    await reporter[Symbol.asyncDispose]();
  });
});
