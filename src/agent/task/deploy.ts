import { chooseDisk } from "#agent/disk/choose.ts";
import { fatBytes } from "#agent/disk/fat.ts";
import { diskName, isKept, isOurs } from "#agent/disk/named.ts";
import { openDisk } from "#agent/disk/open-disk.ts";
import { putSeed } from "#agent/disk/seed.ts";
import { clearSignatures } from "#agent/disk/signatures.ts";
import { writeImage } from "#agent/disk/write-image.ts";
import type { BlockDevice } from "#agent/hardware.ts";
import { retrying } from "#agent/retry.ts";
import { TaskError } from "#agent/task-error.ts";
import type { InventoryDisk } from "#api/machine-inventory.ts";
import type { DeployPlan, DiskResult } from "#api/machine-task.ts";
import type { TaskContext, TaskProgram } from "./context.ts";

const SEED_TRIES = 60;
const LABEL = "steelyard";
/** What UEFI loads from a disk that has no entry of its own (UEFI section 3.5.1.1). */
const LOADERS = { amd64: "\\EFI\\BOOT\\BOOTX64.EFI", arm64: "\\EFI\\BOOT\\BOOTAA64.EFI" } as const;

/** Writes an operating system, so that nothing else on this machine can boot in its place. */
export const deploy: TaskProgram = async (order, context, signal) => {
  const { deploy: plan, imageUrl } = order;
  if (plan === undefined || imageUrl === undefined) {
    throw new TaskError("OrderInvalid", "a Deploy without a plan or an image");
  }
  const { hardware, progress } = context;
  const disks = await hardware.disks(signal);
  const target = chooseDisk(disks, wishOf(plan));
  context.log(`to ${target.name} (${diskName(target)})`);
  await progress.step("ClearOthers", () => clearOthers(disks, target, plan, context, signal));

  const use = { kind: "Write", digest: plan.artifact.digest } as const;
  await using device = await openDisk(hardware, target, use, signal);
  const source = { url: new URL(imageUrl), artifact: plan.artifact };
  await progress.step("Write", (advance) => writeImage(source, device, advance, context, signal));
  await progress.step("Seed", () => finish(device, plan, context, signal));
  const state = plan.readiness === "AgentDone" ? "Succeeded" : "Written";
  return { state, results: resultsOf(disks, target, plan) };
};

const wishOf = ({ artifact, rootDevice, keepDisks }: DeployPlan) => ({
  hints: rootDevice ?? {},
  keep: keepDisks ?? [],
  sizeBytes:
    artifact.sizeBytes === undefined ? 0 : withSeed(artifact.sizeBytes, artifact.sectorSize),
  sectorSize: artifact.sectorSize,
});

/** What the seed's partition takes behind the image, and up to a MiB before it (alignment). */
const withSeed = (sizeBytes: number, sectorSize: number): number =>
  sizeBytes + fatBytes(sectorSize) + 2 ** 20;

/** With an old copy of the same image on a second disk, the root of the old one was mounted. */
async function clearOthers(
  disks: readonly InventoryDisk[],
  target: InventoryDisk,
  { keepDisks }: DeployPlan,
  { hardware }: TaskContext,
  signal: AbortSignal,
): Promise<void> {
  const others = disks.filter(
    (disk) => disk !== target && isOurs(disk, keepDisks) && disk.readOnly !== true,
  );
  await Promise.all(
    others.map(async (disk) => {
      await using device = await openDisk(hardware, disk, { kind: "Clear" }, signal);
      await clearSignatures(device, signal);
    }),
  );
}

async function finish(
  device: BlockDevice,
  { artifact }: DeployPlan,
  context: TaskContext,
  signal: AbortSignal,
): Promise<void> {
  const { hardware, rack, log } = context;
  const seed = await retrying(() => rack.seed(signal), SEED_TRIES, context, signal);
  const esp = await putSeed(device, seed, signal);
  if (esp === null) return;
  const { number, guid, firstSector, lastSector } = esp;
  const partition = { number, guid, firstSector, sectors: lastSector - firstSector + 1 };
  const entry = { label: LABEL, loader: LOADERS[artifact.architecture], partition };
  if (!(await hardware.bootFirst(entry, signal))) log("no entry in the firmware's boot menu");
}

function resultsOf(
  disks: readonly InventoryDisk[],
  target: InventoryDisk,
  { keepDisks }: DeployPlan,
): DiskResult[] {
  const kept = disks.filter((disk) => disk !== target && isKept(disk, keepDisks));
  return [
    { disk: diskName(target), outcome: "Written" },
    ...kept.map((disk): DiskResult => ({ disk: diskName(disk), outcome: "Kept" })),
  ];
}
