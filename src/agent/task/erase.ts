import { eraseDisk } from "#agent/disk/erase.ts";
import { type Fate, fates, missing } from "#agent/disk/fates.ts";
import { diskName } from "#agent/disk/named.ts";
import type { Advance } from "#agent/progress.ts";
import { TaskError } from "#agent/task-error.ts";
import type { DiskResult, ErasePlan } from "#api/machine-task.ts";
import type { Outcome, TaskContext, TaskProgram } from "./context.ts";

/** Erases what the order names, each disk by itself, and tells of each. */
export const erase: TaskProgram = async (order, context, signal) => {
  const plan = order.erase;
  if (plan === undefined) throw new TaskError("OrderInvalid", "an Erase without a plan");
  const all = fates(await context.hardware.disks(signal), plan);
  const done = await context.progress.step("Erase", (advance) =>
    eraseAll(all, plan, advance, context, signal),
  );
  return outcomeOf([...done, ...missing(all, plan)]);
};

async function eraseAll(
  all: readonly Fate[],
  plan: ErasePlan,
  advance: Advance,
  context: TaskContext,
  signal: AbortSignal,
): Promise<DiskResult[]> {
  const percents: number[] = all.map(({ left }) => (left === undefined ? 0 : 100));
  const advanced = (index: number, percent: number): void => {
    percents[index] = percent;
    advance(Math.min(...percents));
  };
  return Promise.all(
    all.map(async (fate, index): Promise<DiskResult> => {
      const disk = diskName(fate.disk);
      if (fate.left !== undefined) return { disk, ...fate.left };
      const result = await eraseOne(
        fate,
        plan,
        (percent) => advanced(index, percent),
        context,
        signal,
      );
      advanced(index, 100);
      context.log(`${disk}: ${result.outcome} ${result.method ?? ""}`);
      return { disk, ...result };
    }),
  );
}

async function eraseOne(
  { disk }: Fate,
  { method }: ErasePlan,
  advance: Advance,
  { hardware }: TaskContext,
  signal: AbortSignal,
): Promise<Omit<DiskResult, "disk">> {
  if (method === "None") return { outcome: "Kept", message: "the order says: erase nothing" };
  try {
    await using device = await hardware.openDisk(disk, { kind: "Erase" }, signal);
    return await eraseDisk(disk, device, method, advance, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { outcome: "Failed", message: String(error).slice(0, 256) };
  }
}

function outcomeOf(results: DiskResult[]): Outcome {
  const named = (...outcomes: readonly DiskResult["outcome"][]): string[] =>
    results.filter(({ outcome }) => outcomes.includes(outcome)).map(({ disk }) => disk);
  const failed = named("Failed");
  const strange = named("Missing", "Data");
  if (failed.length > 0) {
    const message = `not erased: ${failed.join(", ")}`.slice(0, 512);
    return { state: "Failed", reason: "EraseFailed", message, results };
  }
  if (strange.length > 0) {
    const message = `missing, or new since commissioning: ${strange.join(", ")}`.slice(0, 512);
    return { state: "Failed", reason: "EraseIncomplete", message, results };
  }
  return { state: "Succeeded", results };
}
