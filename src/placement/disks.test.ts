import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DISK_TYPES, type DiskType } from "#api/placement.ts";
import { hasDisks } from "./disks.ts";

const drive = fc.record({
  type: fc.constantFrom(...DISK_TYPES),
  sizeGiB: fc.integer({ min: 1, max: 4 }),
});
const asked = fc.record({
  count: fc.constant(1),
  type: fc.constantFrom<(DiskType | undefined)[]>(...DISK_TYPES, undefined),
  minSizeGiB: fc.integer({ min: 1, max: 4 }),
});
type Drive = { readonly type: DiskType; readonly sizeGiB: number };
type Asked = { readonly type: DiskType | undefined; readonly minSizeGiB: number };

/** Tries every division. */
function canShare(drives: readonly Drive[], wishes: readonly Asked[]): boolean {
  const [wish, ...rest] = wishes;
  if (wish === undefined) return true;
  return drives.some(
    (drive, at) =>
      drive.sizeGiB >= wish.minSizeGiB &&
      (wish.type === undefined ||
        wish.type === drive.type ||
        (wish.type === "SSD" && drive.type === "NVMe")) &&
      canShare(drives.toSpliced(at, 1), rest),
  );
}

describe("disks that are asked for together", () => {
  it("are refused only if no division would do", () => {
    fc.assert(
      fc.property(
        fc.array(drive, { maxLength: 5 }),
        fc.array(asked, { maxLength: 4 }),
        (disks, wishes) => {
          const drives = disks.map((one) => ({ ...one, count: 1 }));
          const asks = wishes.map(({ type, ...wish }) =>
            type === undefined ? wish : { ...wish, type },
          );
          expect(hasDisks({ drives }, asks)).toBe(canShare(disks, wishes));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("are counted as alike where an old inventory tells their number and sum alone", () => {
    expect(hasDisks({ disks: 4, diskGiB: 4_000 }, [{ count: 4, minSizeGiB: 1_000 }])).toBe(true);
    expect(hasDisks({ disks: 4, diskGiB: 4_000 }, [{ count: 1, minSizeGiB: 1_001 }])).toBe(false);
  });
});
