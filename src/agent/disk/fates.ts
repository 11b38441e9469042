import type { InventoryDisk } from "#api/machine-inventory.ts";
import type { DiskResult, ErasePlan } from "#api/machine-task.ts";
import { isKept, isNamed } from "./named.ts";

/** A disk that is here, and why it is left alone; without `left` it is erased. */
export interface Fate {
  readonly disk: InventoryDisk;
  readonly left?: Pick<DiskResult, "outcome" | "message">;
}

/** What to do about a disk that does not work: it stops each erase, and each deploy, until then. */
export const IF_DEAD =
  "replace it and change nonces.acceptHardware, or name it in spec.onRelease.keepDisks (what is on it stays)";

/** What is to happen to each disk. In doubt, nothing. */
export const fates = (disks: readonly InventoryDisk[], plan: ErasePlan): readonly Fate[] =>
  disks.map((disk) => {
    const left = leftAlone(disk, plan);
    return left === undefined ? { disk } : { disk, left };
  });

function leftAlone(disk: InventoryDisk, plan: ErasePlan): Fate["left"] {
  const { keepDisks, expectDisks } = plan;
  if (disk.remote) return { outcome: "Kept", message: "remote: reached over a network" };
  if (isKept(disk, keepDisks)) return { outcome: "Kept", message: "named by keepDisks" };
  if (disk.removable === true) return { outcome: "Kept", message: "removable medium" };
  const expected = expectDisks?.some((name) => isNamed(disk, name));
  if (disk.sizeBytes === 0) return empty(expected ?? false);
  if (disk.readOnly === true) return { outcome: "Failed", message: "read-only" };
  if (expected === false && disk.serial !== undefined) {
    return { outcome: "Data", message: "new since commissioning: not touched" };
  }
  return undefined;
}

/** A slot without a medium; or a disk that died: it may come back with its data at the next power-on. */
const empty = (expected: boolean): Fate["left"] =>
  expected
    ? { outcome: "Failed", message: `reports no capacity: ${IF_DEAD}` }
    : { outcome: "Kept", message: "no medium" };

/** Disks of the plan that are not here: nobody knows where their data is. */
export const missing = (all: readonly Fate[], { expectDisks }: ErasePlan): DiskResult[] =>
  (expectDisks ?? [])
    .filter((name) => !all.some(({ disk }) => isNamed(disk, name)))
    .map((name) => ({ disk: name, outcome: "Missing" }));
