import { describe, expect, it } from "vitest";
import type { Report } from "#api/agent.ts";
import { task } from "#test/fakes/rack-objects.ts";
import { judgeReport, type ReportContext } from "./report.ts";

const now = Date.parse("2026-01-01T00:01:00Z");
const NOW = "2026-01-01T00:01:00Z";
const session = { nonce: "n1", agentKey: "key" };
const grant = { bootNonce: "n1", rack: "r1", agentKey: "key" };
const context = (difference: Partial<ReportContext> = {}): ReportContext => ({
  rack: "r1",
  now,
  lastWrite: now - 60_000,
  hasInventory: true,
  ...difference,
});
const report = (state: Report["state"], difference: Partial<Report> = {}): Report => ({
  task: "t",
  state,
  ...difference,
});
const steps: Report["steps"] = [{ name: "write", state: "Running", startedAt: NOW }];
const deploying = (status = {}) =>
  task({ type: "Deploy", status: { state: "Running", grant, ...status } });
const erasing = task({ type: "Erase", status: { state: "Running", grant } });

describe("a report", () => {
  it("that the image is written is persisted", () => {
    expect(judgeReport(deploying(), session, report("Written", { steps }), context())).toEqual({
      kind: "Go",
      write: { state: "Written", steps },
    });
  });

  it("that the image is written ends a Deploy that waits for nothing else", () => {
    const done = task({
      type: "Deploy",
      readiness: "AgentDone",
      status: { state: "Running", grant },
    });
    expect(judgeReport(done, session, report("Written"), context())).toEqual({
      kind: "Go",
      write: { state: "Succeeded", finishedAt: NOW },
    });
  });

  it("never makes a Deploy Succeeded before the system has phoned home", () => {
    expect(judgeReport(deploying(), session, report("Succeeded"), context())).toEqual({
      kind: "Go",
      write: { state: "Written" },
    });
  });

  it("of the end of a commissioning carries the grant that was never written", () => {
    expect(judgeReport(task(), session, report("Succeeded"), context())).toEqual({
      kind: "Go",
      write: { state: "Succeeded", grant, startedAt: NOW, finishedAt: NOW },
    });
  });

  it("of a failure says why", () => {
    const why = { reason: "DigestMismatch", message: "The image is another one." };
    expect(judgeReport(deploying(), session, report("Failed", why), context())).toEqual({
      kind: "Go",
      write: { state: "Failed", ...why, finishedAt: NOW },
    });
  });

  it("of progress is written where the task takes long", () => {
    expect(judgeReport(deploying(), session, report("Running", { steps }), context())).toEqual({
      kind: "Go",
      write: { steps },
    });
  });

  it("of a long commissioning's progress makes it Running", () => {
    expect(judgeReport(task(), session, report("Running", { steps }), context())).toEqual({
      kind: "Go",
      write: { state: "Running", grant, startedAt: NOW, steps },
    });
  });

  it.each<{ title: string; task: ReturnType<typeof task>; report: Report; lastWrite?: number }>([
    {
      title: "progress within ten seconds of the last write",
      task: deploying(),
      report: report("Running", { steps }),
      lastWrite: now - 9_999,
    },
    {
      title: "progress that is none",
      task: deploying({ steps }),
      report: report("Running", { steps }),
    },
    {
      title: "an end that was reported before",
      task: task({ type: "Erase", status: { state: "Succeeded", grant } }),
      report: report("Succeeded"),
    },
    {
      title: "an image that was reported before",
      task: deploying({ state: "Written" }),
      report: report("Written"),
    },
  ])("of $title is fine and costs no write", ({ task, report, lastWrite = 0 }) => {
    expect(judgeReport(task, session, report, context({ lastWrite }))).toEqual({ kind: "Go" });
  });

  it.each<{
    title: string;
    task: ReturnType<typeof task>;
    report?: Report;
    nonce?: string;
    why: string;
  }>([
    { title: "of another boot", task: deploying(), nonce: "n2", why: "OtherGrant" },
    {
      title: "without a grant",
      task: task({ type: "Deploy", state: "Pending" }),
      why: "OtherGrant",
    },
    {
      title: "after the operator canceled",
      task: deploying({ state: "Canceled" }),
      why: "Ended",
    },
    {
      title: "of another end than the one that is persisted",
      task: deploying({ state: "Failed" }),
      why: "Ended",
    },
    {
      title: "of an image by an Erase",
      task: erasing,
      report: report("Written"),
      why: "WrongState",
    },
    {
      title: "of a failure after the image was written",
      task: deploying({ state: "Written" }),
      report: report("Failed"),
      why: "WrongState",
    },
    {
      title: "of progress after the image was written",
      task: deploying({ state: "Written" }),
      report: report("Running"),
      why: "WrongState",
    },
  ])("$title is refused", ({ task, report: sent = report("Written"), nonce = "n1", why }) => {
    expect(judgeReport(task, { ...session, nonce }, sent, context())).toEqual({
      kind: "Refuse",
      reason: why,
    });
  });

  it("of a commissioning's success is refused before its inventory is stored", () => {
    const verdict = judgeReport(
      task(),
      session,
      report("Succeeded"),
      context({ hasInventory: false }),
    );
    expect(verdict).toEqual({ kind: "Refuse", reason: "NoInventory" });
  });
});
