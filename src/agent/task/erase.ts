import { eraseDisk } from "#agent/disk/erase.ts";
import { type Fate, fates, missing } from "#agent/disk/fates.ts";
import { diskName } from "#agent/disk/named.ts";
import { DiskFault, openDisk } from "#agent/disk/open-disk.ts";
import type { Advance } from "#agent/progress.ts";
import { TaskError } from "#agent/task-error.ts";
import type { DiskResult, ErasePlan } from "#api/machine-task.ts";
import type { Outcome, TaskContext, TaskProgram } from "./context.ts";

const MESSAGE_CHARS = 512;

/** Erases what the order names, each disk by itself, and tells of each; or nothing, if it cannot be all. */
export const erase: TaskProgram = async (order, context, signal) => {
  const plan = order.erase;
  if (plan === undefined) throw new TaskError("OrderInvalid", "an Erase without a plan");
  const all = fates(await context.hardware.disks(signal), plan);
  const gone = missing(all, plan);
  // First of all: an erase takes hours, and one that cannot be whole in the end is tried again.
  const amiss = [...all.flatMap(obstacle), ...gone];
  if (amiss.length > 0) return { ...prevented(amiss), results: [...all.map(untouched), ...gone] };
  const results = await context.progress.step("Erase", (advance) =>
    eraseAll(all, plan, advance, context, signal),
  );
  const failed = results.filter(({ outcome }) => outcome === "Failed");
  return failed.length === 0 ? { state: "Succeeded", results } : { ...unerased(failed), results };
};

/** A disk that keeps the erase from being whole, as is known before it begins. */
const obstacle = ({ disk, left }: Fate): readonly DiskResult[] =>
  left === undefined || left.outcome === "Kept" ? [] : [{ disk: diskName(disk), ...left }];

/** Nobody looked at what is on it; it counts as data. */
const untouched = ({ disk, left }: Fate): DiskResult => ({
  disk: diskName(disk),
  ...(left ?? { outcome: "Data", message: "not erased: another disk prevents it" }),
});

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
    await using device = await openDisk(hardware, disk, { kind: "Erase" }, signal);
    return await eraseDisk(disk, device, method, advance, signal);
  } catch (error) {
    signal.throwIfAborted();
    const message = error instanceof DiskFault ? error.what : String(error);
    return { outcome: "Failed", message: message.slice(0, 256) };
  }
}

/** To accept is to forget the serials: until they are learned anew, no disk is expected, and none new. */
const IF_CHANGED =
  "Put back what is missing; take out what is new, or name it in spec.onRelease.keepDisks. If it is to " +
  "stay so, change nonces.acceptHardware (then nonces.retry, if the machine is Broken): the next attempt " +
  "erases every disk that it finds.";

function prevented(amiss: readonly DiskResult[]): Outcome {
  const isDead = amiss.some(({ outcome }) => outcome === "Failed");
  const isChanged = amiss.some(({ outcome }) => outcome !== "Failed");
  return {
    state: "Failed",
    reason: isDead ? "EraseFailed" : "EraseIncomplete",
    message: told("nothing was erased in this attempt", amiss, isChanged ? ` ${IF_CHANGED}` : ""),
  };
}

const unerased = (failed: readonly DiskResult[]): Outcome => ({
  state: "Failed",
  reason: "EraseFailed",
  message: told("not erased", failed),
});

/** With what to do, however many disks there are to be named. */
function told(what: string, disks: readonly DiskResult[], advice = ""): string {
  const list = disks.map(({ disk, message }) => `${disk} (${message ?? "missing"})`).join(", ");
  const room = MESSAGE_CHARS - what.length - advice.length - 3;
  return `${what}: ${list.length > room ? `${list.slice(0, room - 1)}…` : list}.${advice}`;
}
