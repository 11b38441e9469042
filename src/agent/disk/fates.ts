import type { InventoryDisk } from "#api/machine-inventory.ts";
import type { DiskResult, ErasePlan } from "#api/machine-task.ts";
import { isKept, isNamed } from "./named.ts";

/** A disk that is here, and why it is left alone; without `left` it is erased. */
export interface Fate {
  readonly disk: InventoryDisk;
  readonly left?: Pick<DiskResult, "outcome" | "message">;
}

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
  if (disk.sizeBytes === 0) return { outcome: "Kept", message: "no medium" };
  if (disk.readOnly === true) return { outcome: "Failed", message: "read-only" };
  const known = expectDisks?.some((name) => isNamed(disk, name)) ?? true;
  if (!known && disk.serial !== undefined) {
    return { outcome: "Data", message: "new since commissioning: not touched" };
  }
  return undefined;
}

/** Disks of the plan that are not here: nobody knows where their data is. */
export const missing = (all: readonly Fate[], { expectDisks }: ErasePlan): DiskResult[] =>
  (expectDisks ?? [])
    .filter((name) => !all.some(({ disk }) => isNamed(disk, name)))
    .map((name) => ({ disk: name, outcome: "Missing" }));
