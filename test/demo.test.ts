import { describe, expect, it } from "vitest";
import type { Machine, MachineStatus } from "#api/machine.ts";
import type { MachineTask, MachineTaskStatus } from "#api/machine-task.ts";
import { parseOptions } from "../tools/demo/options.ts";
import { news, type Row, roomFor, rowOf, summary, table } from "../tools/demo/table.ts";

const NOW = Date.parse("2026-01-01T00:01:40Z");

const machine = (status?: Partial<MachineStatus>): Machine =>
  ({
    metadata: { name: "east-1", creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: { zoneRef: { name: "east" } },
    ...(status && { status }),
  }) as Machine;

const task = (status: Partial<MachineTaskStatus>, attempt = 1): MachineTask =>
  ({ spec: { type: "Deploy", attempt }, status }) as MachineTask;

const row = (more: Partial<Row> = {}): Row => ({
  ...rowOf(machine({ phase: "Deploying", power: "On" }), undefined, NOW),
  ...more,
});

describe("a row of the demo's table", () => {
  it("is there for a Machine that nobody has looked at yet", () => {
    expect(rowOf(machine(), undefined, NOW)).toEqual({
      machine: "east-1",
      zone: "east",
      phase: "New",
      reason: "",
      progress: "",
      power: "Unknown",
      seconds: 100,
    });
  });

  it("stops the time when the machine is Deployed", () => {
    const status = { phase: "Deployed", phaseSince: "2026-01-01T00:00:42Z" } as const;
    expect(rowOf(machine(status), undefined, NOW).seconds).toBe(42);
  });

  it("has a reason only where the phase does not say it", () => {
    const because = (reason: string) =>
      rowOf(
        machine({
          phase: "Deploying",
          conditions: [
            { type: "Ready", status: "False", reason, message: "", lastTransitionTime: "" },
          ],
        }),
        undefined,
        NOW,
      ).reason;
    expect(because("Deploying")).toBe("");
    expect(because("ImageNotFound")).toBe("ImageNotFound");
  });

  const startedAt = "2026-01-01T00:00:00Z";
  it.each([
    { status: {}, says: "Deploy: boots the agent" },
    { status: { state: "Running" }, says: "Deploy: begins" },
    {
      status: {
        state: "Running",
        steps: [{ name: "write", state: "Running", startedAt, progressPercent: 42 }],
      },
      says: "Deploy: write 42 %",
    },
    { status: { state: "Written" }, says: "Deploy: boots its own system" },
    { status: { state: "Failed" }, says: "" },
  ] as const)("says $says", ({ status, says }) => {
    const { progress } = rowOf(machine(), task(status as Partial<MachineTaskStatus>), NOW);
    expect(progress).toBe(says);
  });

  it("says when it is not the first attempt", () => {
    expect(rowOf(machine(), task({}, 2), NOW).progress).toBe("Deploy (attempt 2): boots the agent");
  });
});

describe("the demo's table", () => {
  it("has columns and no line wider than the terminal", () => {
    const lines = table([row(), row({ machine: "a-longer-name" })], 40);
    expect(lines).toEqual([
      "MACHINE        ZONE  PHASE      REASON  ",
      "east-1         east  Deploying          ",
      "a-longer-name  east  Deploying          ",
    ]);
  });

  it("leaves out what is Deployed first when there is no room", () => {
    const rows = [row({ phase: "Deployed" }), row(), row({ phase: "New" })];
    expect(roomFor(rows, 2).map(({ phase }) => phase)).toEqual(["Deploying", "New"]);
    expect(roomFor(rows, 3)).toEqual(rows);
  });

  it("sums up", () => {
    expect(summary([row(), row({ phase: "Deployed" })])).toBe("1 of 2 Deployed, 1 Deploying");
  });

  it("tells of a phase and of a reason once", () => {
    expect(news(row(), undefined)).toBe("east-1  Deploying");
    expect(news(row({ progress: "x" }), row())).toBeNull();
    expect(news(row({ reason: "BmcUnreachable" }), row())).toBe(
      "east-1  Deploying  BmcUnreachable",
    );
  });
});

describe("the demo's options", () => {
  it("have defaults", () => {
    expect(parseOptions([])).toMatchObject({ sim: false, once: false, machines: 24 });
    expect(parseOptions(["--help"])).toBeNull();
  });

  it.each(["0", "many", "-3"])("refuse --machines %s", (text) => {
    expect(() => parseOptions([`--machines=${text}`])).toThrow("--machines");
  });
});
