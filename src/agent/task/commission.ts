import { diskName } from "#agent/disk/named.ts";
import { retrying } from "#agent/retry.ts";
import type { DiskResult } from "#api/machine-task.ts";
import type { TaskProgram } from "./context.ts";

const UPLOAD_TRIES = 60;

/** Tells what is here, changes nothing. Its results say which disks hold data. */
export const commission: TaskProgram = async (_order, context, signal) => {
  const { hardware, progress, rack } = context;
  const inventory = await progress.step("Inventory", () => hardware.inventory(signal));
  await progress.step("Upload", () =>
    retrying(() => rack.inventory(inventory, signal), UPLOAD_TRIES, context, signal),
  );
  const results = inventory.disks.map(
    (disk): DiskResult => ({
      disk: diskName(disk),
      outcome: disk.remote ? "Kept" : disk.blank ? "Blank" : "Data",
      ...(disk.content === undefined ? {} : { message: disk.content }),
    }),
  );
  return { state: "Succeeded", ...(results.length === 0 ? {} : { results }) };
};
