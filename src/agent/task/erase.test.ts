import { describe, expect, it } from "vitest";
import { TaskMachine } from "#test/fakes/task-machine.ts";

describe("an Erase", () => {
  const expectDisks = ["S-sda", "S-sdb"];

  it("does not begin where it is known that a disk cannot be erased", async () => {
    const on = new TaskMachine({ sda: {}, sdb: { sizeBytes: 0 }, sdc: { remote: true } });
    const erase = { method: "Full" as const, expectDisks };
    expect(await on.run({ type: "Erase", erase })).toMatchObject({
      state: "Failed",
      reason: "EraseFailed",
      message: expect.stringMatching(/^nothing was erased .*S-sdb \(reports no capacity: replace/),
      results: [
        { disk: "S-sda", outcome: "Data" },
        { disk: "S-sdb", outcome: "Failed" },
        { disk: "S-sdc", outcome: "Kept" },
      ],
    });
    expect(on.opened).toStrictEqual([]);
  });

  it("takes the other disks where one that died is to be kept", async () => {
    const on = new TaskMachine({ sda: {}, sdb: { sizeBytes: 0 } });
    const erase = { method: "Full" as const, expectDisks, keepDisks: ["S-sdb"] };
    expect(await on.run({ type: "Erase", erase })).toMatchObject({
      state: "Succeeded",
      results: [
        { disk: "S-sda", outcome: "Erased" },
        { disk: "S-sdb", outcome: "Kept" },
      ],
    });
    expect(on.opened).toStrictEqual(["sda Erase"]);
  });
});
