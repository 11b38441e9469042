import { describe, expect, it } from "vitest";
import type { InventoryDisk } from "#api/machine-inventory.ts";
import type { ErasePlan } from "#api/machine-task.ts";
import { fates, missing } from "./fates.ts";

const disk = (serial: string, differs: Partial<InventoryDisk> = {}): InventoryDisk => ({
  name: serial.toLowerCase(),
  sizeBytes: 1_000,
  remote: false,
  blank: false,
  serial,
  ...differs,
});

/** What happens to one disk; "erased" if it is not left alone. */
const fate = (one: InventoryDisk, keepDisks?: string[], expectDisks?: string[]) =>
  fates([one], {
    method: "Full",
    ...(keepDisks && { keepDisks }),
    ...(expectDisks && { expectDisks }),
  })[0]?.left?.outcome ?? "erased";

describe("an erase", () => {
  it.each([
    ["takes a local disk", disk("A"), [], undefined, "erased"],
    ["takes one that was expected", disk("A"), [], ["A"], "erased"],
    ["leaves a remote disk, even an expected one", disk("A", { remote: true }), [], ["A"], "Kept"],
    ["leaves what is to be kept", disk("A"), ["A"], undefined, "Kept"],
    ["leaves a stick", disk("A", { removable: true }), [], undefined, "Kept"],
    ["leaves a disk that is new, and says so", disk("B"), [], ["A"], "Data"],
    ["leaves a slot without a medium", disk("A", { sizeBytes: 0 }), [], ["B"], "Kept"],
    ["leaves one where no disk is expected", disk("A", { sizeBytes: 0 }), [], undefined, "Kept"],
    [
      "does not take an expected disk that reports no capacity for a slot without a medium",
      disk("A", { sizeBytes: 0 }),
      [],
      ["A"],
      "Failed",
    ],
    [
      "leaves such a disk where it is to be kept",
      disk("A", { sizeBytes: 0 }),
      ["A"],
      ["A"],
      "Kept",
    ],
    [
      "does not pass over a read-only disk in silence",
      disk("A", { readOnly: true }),
      [],
      ["A"],
      "Failed",
    ],
  ] as const)("%s", (_, one, keep, expected, outcome) => {
    expect(fate(one, [...keep], expected && [...expected])).toBe(outcome);
  });

  it("says of a disk that reports no capacity what to do about it", () => {
    const plan: ErasePlan = { method: "Full", expectDisks: ["A"] };
    const [dead] = fates([disk("A", { sizeBytes: 0 })], plan);
    expect(dead?.left?.message).toBe(
      "reports no capacity: replace it and change nonces.acceptHardware, " +
        "or name it in spec.onRelease.keepDisks (what is on it stays)",
    );
  });

  it("misses a disk that is gone", () => {
    const plan = { method: "Full", expectDisks: ["A", "B"] } as const;
    const all = fates([disk("A")], { ...plan, expectDisks: [...plan.expectDisks] });
    expect(missing(all, { ...plan, expectDisks: [...plan.expectDisks] })).toStrictEqual([
      { disk: "B", outcome: "Missing" },
    ]);
  });
});
