import type { MachineHardware } from "#api/machine-facts.ts";
import type { Requirements } from "#api/placement.ts";
import type { Candidate } from "./candidate.ts";

const DIMENSIONS = [
  "cpus",
  "memoryMiB",
  "disks",
  "diskGiB",
  "nics",
  "maxLinkMbps",
  "gpus",
] as const;
type Amounts = Readonly<Record<(typeof DIMENSIONS)[number], number>>;

/** A GPU machine is not given to who asks for none, as long as another fits. */
const GPU_WASTED = 100;

/** The most that any machine has of each, by which amounts are compared with one another. */
export function scaleOf(machines: Iterable<Candidate>): Amounts {
  const most = { cpus: 1, memoryMiB: 1, disks: 1, diskGiB: 1, nics: 1, maxLinkMbps: 1, gpus: 1 };
  for (const { hardware } of machines) {
    for (const name of DIMENSIONS) most[name] = Math.max(most[name], hardware[name] ?? 0);
  }
  return most;
}

/** What would be left over, as shares of the largest machine: the least is the best fit. */
export function waste(hardware: MachineHardware, need: Requirements, scale: Amounts): number {
  const asked = amountsOf(need);
  const left = DIMENSIONS.reduce(
    (sum, name) => sum + Math.max(0, (hardware[name] ?? 0) - asked[name]) / scale[name],
    0,
  );
  return left + (asked.gpus === 0 && (hardware.gpus ?? 0) > 0 ? GPU_WASTED : 0);
}

function amountsOf(need: Requirements): Amounts {
  const disks = need.disks ?? [];
  const sizes = disks.reduce((sum, { count = 1, minSizeGiB = 0 }) => sum + count * minSizeGiB, 0);
  return {
    cpus: need.minCPUs ?? 0,
    memoryMiB: (need.minMemoryGiB ?? 0) * 1_024,
    disks: disks.reduce((sum, { count = 1 }) => sum + count, 0),
    diskGiB: Math.max(need.minDiskGiB ?? 0, sizes),
    nics: need.minNICs ?? 0,
    maxLinkMbps: need.minLinkMbps ?? 0,
    gpus: need.minGPUs ?? 0,
  };
}

/** Best fit first; of equals the one that is warm; then by name, so that all choose alike. */
export function byFit(
  machines: readonly Candidate[],
  need: Requirements,
  scale: Amounts,
): readonly Candidate[] {
  return machines
    .map((machine) => ({ machine, cost: waste(machine.hardware, need, scale) }))
    .sort(
      (a, b) =>
        a.cost - b.cost ||
        Number(b.machine.warm) - Number(a.machine.warm) ||
        (a.machine.key < b.machine.key ? -1 : 1),
    )
    .map(({ machine }) => machine);
}
