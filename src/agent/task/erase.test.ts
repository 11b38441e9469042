import { describe, expect, it } from "vitest";
import type { BlockDevice } from "#agent/hardware.ts";
import { TaskMachine } from "#test/fakes/task-machine.ts";

/** Does nothing, and in its third GiB not even that. */
const failing = (syscall: string) => {
  let calls = 0;
  return async (): Promise<void> => {
    calls += 1;
    if (calls > 2) throw Object.assign(new Error(`EIO: i/o error, ${syscall}`), { syscall });
  };
};

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

  it.each<[string, Partial<BlockDevice>, string]>([
    ["is written to", { zero: failing("write") }, "write zeros from byte 2147483648 on: EIO"],
    ["is to keep it", { settle: failing("fdatasync") }, "write from byte 2147483648 on: EIO"],
  ])(
    "says where a disk failed as it %s, at once, and what to do about it",
    async (_, faults, words) => {
      const on = new TaskMachine({ sda: {}, sdb: { faults } });
      const { message, results, ...rest } = await on.run({
        type: "Erase",
        erase: { method: "Full" },
      });
      expect(rest).toStrictEqual({ state: "Failed", reason: "EraseFailed" });
      expect(message).toContain(`not erased: S-sdb (${words}`);
      expect(results).toMatchObject([
        { disk: "S-sda", outcome: "Erased" },
        { disk: "S-sdb", outcome: "Failed" },
      ]);
      expect(results?.[1]?.message).toMatch(/: EIO: i\/o error, .*: replace it and .*keepDisks/);
    },
  );
});
