/** MAAS's transitions as a checklist: how each is done here, or why it is not. For docs/lifecycle.md. */
import { type Exit, LIFECYCLE, type Phase } from "./table.ts";

/** What MAAS's statuses are here. A failure is no phase: what is given up is Broken. */
const OURS = {
  New: "New",
  Commissioning: "Commissioning",
  FailedCommissioning: "Broken",
  Missing: null,
  Ready: "Ready",
  Reserved: null,
  Deployed: "Deployed",
  Retired: "Retired",
  Broken: "Broken",
  Deploying: "Deploying",
  Allocated: "Allocated",
  FailedDeployment: "Broken",
  Releasing: "Releasing",
  FailedReleasing: "Broken",
  DiskErasing: "Releasing",
  FailedDiskErasing: "Broken",
  Rescue: "Rescue",
  EnteringRescue: "Rescue",
  FailedEnteringRescue: "Broken",
  ExitingRescue: "Rescue",
  FailedExitingRescue: "Broken",
  Testing: "Testing",
  FailedTesting: "Broken",
} as const satisfies Record<string, Phase | null>;
export type MaasStatus = keyof typeof OURS;

/** NODE_TRANSITIONS of MAAS 3.8 (src/maasserver/node_status.py, commit 9e51f33ce). */
export const MAAS: Readonly<Record<MaasStatus, readonly MaasStatus[]>> = {
  New: ["Commissioning", "Testing", "Missing", "Ready", "Retired", "Broken", "EnteringRescue"],
  Commissioning: ["FailedCommissioning", "Ready", "Retired", "Missing", "New", "Broken", "Testing"],
  FailedCommissioning: [
    ...(["Commissioning", "Missing", "Retired", "Broken", "EnteringRescue", "Testing"] as const),
  ],
  Ready: [
    ...(["EnteringRescue", "Commissioning", "Allocated", "Reserved", "Retired"] as const),
    ...(["Missing", "Broken", "Testing"] as const),
  ],
  Reserved: [
    ...([
      "Ready",
      "Allocated",
      "Retired",
      "Missing",
      "Broken",
      "DiskErasing",
      "Releasing",
    ] as const),
    ...(["EnteringRescue", "Testing"] as const),
  ],
  Allocated: [
    ...([
      "Ready",
      "Retired",
      "Missing",
      "Broken",
      "Deploying",
      "DiskErasing",
      "Releasing",
    ] as const),
    ...(["EnteringRescue", "Testing"] as const),
  ],
  Deploying: [
    ...(["Allocated", "Missing", "Broken", "FailedDeployment", "Deployed", "Ready"] as const),
    ...(["DiskErasing", "Releasing"] as const),
  ],
  FailedDeployment: [
    ...(["Allocated", "Missing", "Broken", "Ready", "DiskErasing", "Releasing"] as const),
    ...(["EnteringRescue", "Testing"] as const),
  ],
  Deployed: [
    ...(["Allocated", "Missing", "Broken", "Ready", "DiskErasing", "Releasing"] as const),
    ...(["EnteringRescue", "Testing"] as const),
  ],
  Releasing: [
    ...(["New", "Allocated", "Reserved", "Deployed", "Ready", "Broken", "Missing"] as const),
    ...(["FailedDeployment", "FailedDiskErasing", "FailedReleasing"] as const),
  ],
  FailedReleasing: ["Releasing", "DiskErasing", "Ready", "Broken", "Testing"],
  DiskErasing: ["Broken", "DiskErasing", "FailedDiskErasing", "Ready", "Releasing"],
  FailedDiskErasing: [
    ...(["DiskErasing", "Releasing", "Broken", "Allocated", "Ready"] as const),
    ...(["EnteringRescue", "Testing"] as const),
  ],
  Missing: [
    ...(["New", "Ready", "Allocated", "Commissioning", "Broken", "EnteringRescue"] as const),
    "Testing",
  ],
  Retired: ["New", "Ready", "Missing", "Broken", "EnteringRescue", "Testing"],
  Broken: [
    ...(["Commissioning", "Ready", "DiskErasing", "Releasing", "EnteringRescue"] as const),
    ...(["Testing", "Deployed"] as const),
  ],
  EnteringRescue: [
    ...(["Ready", "Broken", "Deployed", "Rescue", "FailedEnteringRescue"] as const),
    "ExitingRescue",
  ],
  FailedEnteringRescue: ["Broken", "EnteringRescue", "ExitingRescue", "Testing"],
  Rescue: ["Broken", "ExitingRescue", "Testing"],
  ExitingRescue: [
    ...(["New", "Broken", "FailedCommissioning", "Ready", "Reserved", "Allocated"] as const),
    ...(["FailedDeployment", "Deployed", "Missing", "Retired", "FailedReleasing"] as const),
    ...(["FailedDiskErasing", "Rescue", "FailedEnteringRescue", "FailedExitingRescue"] as const),
    "FailedTesting",
  ],
  FailedExitingRescue: ["Broken", "ExitingRescue", "Testing"],
  Testing: [
    ...(["Broken", "New", "Ready", "Reserved", "Allocated", "Deployed", "Commissioning"] as const),
    ...(["FailedDeployment", "Missing", "Retired", "FailedReleasing"] as const),
    ...(["FailedDiskErasing", "FailedEnteringRescue", "FailedExitingRescue"] as const),
    "FailedTesting",
  ],
  FailedTesting: [
    ...(["Commissioning", "Broken", "Missing", "EnteringRescue", "Testing", "Ready"] as const),
    "Deployed",
  ],
};

/** How one of MAAS's transitions is done here. */
export type Way =
  /** Exits that follow each other. */
  | { readonly by: readonly { readonly from: Phase; readonly exit: Exit }[] }
  /** One and the same phase here. */
  | { readonly within: Phase }
  | { readonly whyNot: string };

const NO_SUCH: Readonly<Partial<Record<MaasStatus, string>>> = {
  Missing:
    "No status says that a machine does not answer: it keeps its phase, Stalled with the BMC's reason.",
  Reserved:
    "Nobody holds a machine without a claim: a MachineClaim with machineRef and without deploy does it.",
};

export function wayOf(from: MaasStatus, to: MaasStatus): Way {
  const none = NO_SUCH[from] ?? NO_SUCH[to];
  const [start, end] = [OURS[from], OURS[to]];
  if (none !== undefined || start === null || end === null) return { whyNot: none ?? "" };
  if (start === end) return { within: start };
  if (end === "New") {
    return { whyNot: "New is where a Machine begins; nonces.commission looks at it anew." };
  }
  return { by: path(start, end, from, to) };
}

type Steps = readonly { readonly from: Phase; readonly exit: Exit }[];

/** What lies between, where one step does not do: nothing becomes Ready that was not looked at or erased. */
const VIA: Readonly<Record<string, readonly Phase[]>> = {
  "New Testing": ["Commissioning"],
  "New Ready": ["Commissioning"],
  "Allocated Retired": ["Ready"],
  "Allocated Testing": ["Ready"],
  "Deploying Allocated": ["Ready"],
  "Deployed Allocated": ["Releasing", "Ready"],
  "Deployed Ready": ["Releasing"],
  "Releasing Allocated": ["Ready"],
  "Broken Ready": ["Commissioning"],
  "Broken Testing": ["Commissioning"],
  "Retired Ready": ["Commissioning"],
  "Retired Testing": ["Commissioning"],
  "Rescue Ready": ["Releasing"],
  "Rescue Testing": ["Deployed"],
  "Testing Allocated": ["Ready"],
  "Testing Retired": ["Ready"],
  "Testing Commissioning": ["Ready"],
  // what was held stays so, and is erased
  "FailedDeployment Ready": ["Releasing"],
  "FailedReleasing Ready": ["Releasing"],
  "FailedDiskErasing Ready": ["Releasing"],
};

function path(start: Phase, end: Phase, from: MaasStatus, to: MaasStatus): Steps {
  const through = VIA[`${from} ${to}`] ?? VIA[`${start} ${end}`] ?? [];
  const stops = [start, ...through, end];
  const failed = to.startsWith("Failed") && !from.startsWith("Failed");
  return stops.slice(1).flatMap((next, at) => {
    const here = stops[at] ?? start;
    const exit = exitTo(here, next, failed);
    return exit === undefined ? [] : [{ from: here, exit }];
  });
}

function exitTo(from: Phase, to: Phase, failed: boolean): Exit | undefined {
  const exits = LIFECYCLE[from].exits.filter((exit) => exit.to === to);
  const usual = failed ? "givenUp" : to === "Releasing" ? erasing(from) : null;
  return exits.find(({ when }) => when === usual) ?? exits[0];
}

/** An erase is ordered by a release more often than by a deletion; after a rescue of a free machine it is due. */
const erasing = (from: Phase): Exit["when"] => (from === "Rescue" ? "rescueOver" : "released");
