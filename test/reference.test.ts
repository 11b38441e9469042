import { describe, expect, it } from "vitest";
import { compared, isComparable, type Measured, marksOf } from "./e2e/compared.ts";

const place = { measuredAt: "2026-11-23T00:10:00.000Z", machine: "lab, 2 × CPU" };

const PRINTED = `   12.34s  Start PXE
   60.00s  AGENT inventory
  110.00s  SEED written
  200.00s  Cloud-init.*finished
  200.31s  stopped by vm.py
PASS 201s
`;
const theirs: Measured = { ...place, seconds: marksOf(PRINTED) };
const ours: Measured = {
  ...place,
  seconds: {
    "| [   69.2] cloud-init[344]: Cloud-init v. 22.4.2 finished at Mon": 280, // of a reboot
    "Commission 1: step Inventory Succeeded": 30,
    "Deploy 1: Written": 99,
    "| [   67.4] cloud-init[383]: Cloud-init v. 22.4.2 finished at Mon": 150,
  },
};

describe("the reference beside the deploy test", () => {
  it("is read from what its scripts print", () => {
    expect(theirs.seconds).toMatchObject({ "Start PXE": 12.34, "Cloud-init.*finished": 200 });
    expect(Object.keys(theirs.seconds)).toHaveLength(5);
  });

  it("is told with the ratio of each milestone", () => {
    expect(compared(ours, theirs).split("\n").slice(-4)).toEqual([
      "    ours      ref ours/ref  seconds from power-on; below 1 is faster",
      "    30.0     60.0     0.50  inventory taken",
      "    99.0    110.0     0.90  image and seed written",
      "   150.0    200.0     0.75  system up",
    ]);
  });

  it("is told without ratios where one of the two did not get there, or ours is not there", () => {
    const given = { ...theirs, seconds: marksOf("600.00s  TIMEOUT") };
    expect(compared(ours, given)).toContain("   150.0        -        -  system up");
    expect(compared(null, theirs)).toContain("200.0 s  Cloud-init.*finished\n");
    expect(compared(null, theirs)).toContain("ours: the deploy test did not pass here today");
  });

  it.each([
    { what: "later on the same day", other: { measuredAt: "2026-11-23T23:59:59.000Z" }, may: true },
    { what: "the day before", other: { measuredAt: "2026-11-22T23:59:59.000Z" }, may: false },
    { what: "on another machine", other: { machine: "other, 2 × CPU" }, may: false },
  ])("may be compared with one that was measured $what: $may", ({ other, may }) => {
    expect(isComparable(place, { ...place, ...other })).toBe(may);
  });
});
