import { expect, it } from "vitest";
import type { MachineTask } from "#api/machine-task.ts";
import { diskOf, taskFact } from "./evidence.ts";
import { keptOf } from "./kept.ts";

const task = (state: "Running" | "Succeeded"): MachineTask => ({
  metadata: { name: "m1-commission-1-1", uid: "t1", resourceVersion: "7", labels: { a: "b" } },
  spec: {
    ...{ machineRef: { name: "m1", uid: "uid-of-m1" }, zone: "a", type: "Commission" },
    ...{ epoch: 1, attempt: 1, bootDeadline: "900s", runDeadline: "900s" },
    macAddresses: ["52:54:00:00:00:01"],
    expect: { serial: "S1" },
  },
  status: {
    ...{ state, finishedAt: "2026-01-01T00:00:00Z", logTail: "a long tale" },
    results: [{ disk: "sda", outcome: "Data" }],
    steps: [{ name: "Inventory", state: "Succeeded", startedAt: "2026-01-01T00:00:00Z" }],
  },
});

it("keeps all of a task that lives", () => {
  expect(keptOf(task("Running"))).toEqual(task("Running"));
});

it("keeps of one that has ended all that decisions are made of, and less than the whole", () => {
  const [whole, kept] = [task("Succeeded"), keptOf(task("Succeeded"))];
  expect(taskFact(kept, 0)).toEqual(taskFact(whole, 0));
  expect(diskOf(undefined, [kept])).toEqual(diskOf(undefined, [whole]));
  expect(diskOf(undefined, [kept])).toBe("foreign");
  expect(kept.metadata).toEqual(whole.metadata);
  expect(JSON.stringify(kept).length).toBeLessThan(JSON.stringify(whole).length * 0.75);
});
