import { describe, expect, it } from "vitest";
import type { MachineTask, MachineTaskSpec, MachineTaskStatus } from "#api/machine-task.ts";
import type { Artifact } from "#api/os-image.ts";
import type { Disk } from "#lifecycle/facts.ts";
import { deadlineOf, diskOf, runningOf, taskFact } from "./evidence.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const grant = { bootNonce: "n", rack: "r", agentKey: "k" };
const at = (minute: number): string => `2026-01-01T00:${String(minute).padStart(2, "0")}:00Z`;

function task(
  type: MachineTaskSpec["type"],
  epoch: number,
  status: MachineTaskStatus = {},
  attempt = 1,
): MachineTask {
  const artifact = {
    ...{ architecture: "amd64", format: "raw", compression: "none" },
    ...{ url: "http://x/os", digest: DIGEST, sectorSize: 512 },
  } satisfies Artifact;
  const deploy = {
    image: "debian",
    artifact,
    readiness: "PhoneHome",
    hostname: "m1",
  } satisfies MachineTaskSpec["deploy"];
  return {
    metadata: {
      ...{ name: `m1-${type}-${epoch}-${attempt}`, uid: `${epoch}`, resourceVersion: "1" },
      creationTimestamp: at(epoch),
    },
    spec: {
      machineRef: { name: "m1", uid: "12345678" },
      ...{ zone: "a", type, epoch, attempt, macAddresses: ["52:54:00:00:00:01"] },
      ...{ bootDeadline: "600s", runDeadline: "3600s" },
      ...(type === "Deploy" && { deploy }),
    },
    status,
  };
}

const looked = (outcome: "Blank" | "Data"): MachineTaskStatus => ({
  state: "Succeeded",
  results: [{ disk: "S1", outcome }],
});
const whole: Disk = { image: DIGEST };
const half: Disk = { image: null };

describe("what the records say of the disks", () => {
  it.each<{ what: string; tasks: readonly MachineTask[]; disk: Disk | "unknown" }>([
    { what: "nothing, where nobody looked", tasks: [], disk: "unknown" },
    {
      what: "erased, where a look found nothing",
      tasks: [task("Commission", 1, looked("Blank"))],
      disk: "erased",
    },
    {
      what: "foreign, where a look found data",
      tasks: [task("Commission", 1, looked("Data"))],
      disk: "foreign",
    },
    {
      what: "as before while a Deploy has no grant",
      tasks: [task("Commission", 1, looked("Blank")), task("Deploy", 2, { state: "Expired" })],
      disk: "erased",
    },
    {
      what: "half written from the grant on",
      tasks: [
        task("Commission", 1, looked("Blank")),
        task("Deploy", 2, { state: "Running", grant }),
      ],
      disk: half,
    },
    {
      what: "half written where a granted Deploy failed",
      tasks: [task("Deploy", 2, { state: "Failed", grant })],
      disk: half,
    },
    {
      what: "whole once it is Written",
      tasks: [task("Deploy", 2, { state: "Written", grant })],
      disk: whole,
    },
    {
      what: "half where an erase was granted and did not end well",
      tasks: [
        task("Deploy", 2, { state: "Succeeded", grant }),
        task("Erase", 3, { state: "Expired", grant }),
      ],
      disk: half,
    },
    {
      what: "erased where one did",
      tasks: [
        task("Deploy", 2, { state: "Succeeded", grant }),
        task("Erase", 3, { state: "Succeeded", grant }),
      ],
      disk: "erased",
    },
    {
      what: "ours still, where a look finds data after a Deploy",
      tasks: [
        task("Deploy", 2, { state: "Succeeded", grant }),
        task("Commission", 3, looked("Data")),
      ],
      disk: whole,
    },
    {
      what: "half still, where no signature is found after an erase that was broken off",
      tasks: [
        task("Deploy", 2, { state: "Succeeded", grant }),
        task("Erase", 3, { state: "Failed", grant }),
        task("Commission", 4, looked("Blank")),
      ],
      disk: half,
    },
    {
      what: "half where an erase was ordered after a look had found nothing, and never began",
      tasks: [task("Commission", 5, looked("Blank")), task("Erase", 6, { state: "Canceled" })],
      disk: half,
    },
    {
      what: "half where a rescue may have written to erased disks",
      tasks: [
        task("Erase", 2, { state: "Succeeded", grant }),
        task("Rescue", 3, { state: "Running", grant }),
      ],
      disk: half,
    },
  ])("is $what", ({ tasks, disk }) => {
    expect(diskOf(undefined, tasks)).toEqual(disk);
    expect(diskOf(undefined, tasks.toReversed()), "in any order").toEqual(disk);
  });

  it("leaves kept disks out", () => {
    expect(diskOf(undefined, [task("Commission", 1, looked("Data"))], ["S1"])).toBe("erased");
  });

  it("counts only what came after what is written down", () => {
    const erased = { disk: "Erased", task: "m1-Erase-3-1", at: at(4) } as const;
    const tasks = [
      task("Deploy", 2, { state: "Succeeded", grant }),
      task("Erase", 3, { state: "Succeeded", grant }),
    ];
    expect(diskOf(erased, tasks)).toBe("erased");
    expect(diskOf({ ...erased, task: "forgotten" }, tasks)).toBe("erased");
    expect(diskOf(erased, [...tasks, task("Deploy", 4, { state: "Running", grant })])).toEqual(
      half,
    );
  });

  it("is somebody's where we wrote it and nobody knows what it was", () => {
    expect(diskOf({ disk: "Written" }, [])).toEqual({ image: "?" });
  });

  it("knows nothing when only the promise of a Deploy is left that never began", () => {
    const promised = { disk: "Written", imageDigest: DIGEST, image: "debian", at: at(1) } as const;
    expect(diskOf(promised, [task("Deploy", 2)])).toBe("unknown");
    expect(diskOf(promised, [])).toEqual(whole);
  });
});

describe("a task's deadline", () => {
  it("is for the boot while it is Pending, and for the run from its start on", () => {
    expect(deadlineOf(task("Deploy", 1))).toBe(Date.parse(at(11)));
    const running = task("Deploy", 1, { state: "Running", grant, startedAt: at(5) });
    expect(deadlineOf(running)).toBe(Date.parse("2026-01-01T01:05:00Z"));
  });

  it("makes it late a moment after", () => {
    expect(taskFact(task("Deploy", 1), Date.parse(at(11)))?.late).toBe(false);
    expect(taskFact(task("Deploy", 1), Date.parse(at(11)) + 1)?.late).toBe(true);
  });
});

describe("what has control", () => {
  const observation = {
    systemUuid: null,
    serial: null,
    manufacturer: null,
    model: null,
    fingerprint: null,
  };
  const done = task("Commission", 1, { state: "Succeeded", finishedAt: at(2) });
  const now = Date.parse(at(2)) + 10_000;

  it.each([
    ["nobody knows, unasked", null, undefined, "unknown"],
    ["nothing, off", "off", done, "nothing"],
    ["the agent that has just ended its task", "on", done, "agent"],
    ["that agent, though nobody asked the BMC", null, done, "agent"],
    ["an operating system, else", "on", undefined, "os"],
    ["nobody knows, in between", "unknown", undefined, "unknown"],
  ] as const)("is %s", (_, power, newest, running) => {
    const seen = power === null ? null : { ...observation, power };
    expect(runningOf(seen, newest, now)).toBe(running);
  });

  it("is no agent any more after a while", () => {
    expect(runningOf({ ...observation, power: "on" }, done, now + 60_000)).toBe("os");
  });
});
