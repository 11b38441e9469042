import type { Availability, Candidate } from "./candidate.ts";
import { hasDisks, largestDisk } from "./disks.ts";
import type { Request } from "./request.ts";
import { intolerable, matchesLabels } from "./selector.ts";

/** Why a machine is not for a claim, in words for one machine and for several. */
interface Why {
  readonly one: string;
  readonly many: string;
  /**
   * What to do where waiting does not help; null: it may pass by itself, or by a word about the
   * machine, so the claim waits.
   */
  readonly help: string | null;
}

const ASK_FOR_LESS = "ask for less, or enrol machines that fit.";
const correct = (field: string): string =>
  `correct spec.requirements.${field}, or enrol machines that fit.`;

const never = (one: string, many: string, help = ASK_FOR_LESS): Why => ({ one, many, help });
const later = (one: string, many: string): Why => ({ one, many, help: null });

/**
 * Every reason why a machine is not given to a claim. The claim's condition counts machines by these:
 * renaming one changes what people read.
 */
export const REASONS = {
  ZoneNotOpen: never(
    "is in a zone not open to this namespace",
    "are in zones not open to this namespace",
    "who runs a zone opens it to this namespace by the Zone's spec.claimNamespaces.",
  ),
  WrongZone: never("is in another zone", "are in other zones", correct("zones and notZones")),
  WrongRack: never("is in another rack", "are in other racks", correct("racks and notRacks")),
  LabelsDiffer: never(
    "has other labels",
    "have other labels",
    "correct spec.selector, or label Machines that are meant.",
  ),
  WrongProfile: never("has another profile", "have other profiles", correct("profiles")),
  NotInventoried: later("is not inventoried yet", "are not inventoried yet"),
  WrongArchitecture: never(
    "has another architecture",
    "have another architecture",
    correct("architecture"),
  ),
  WrongFirmware: never("has other firmware", "have other firmware", correct("firmware")),
  WrongModel: never("is another model", "are other models", correct("manufacturer and model")),
  LacksCPU: never("lacks CPUs", "lack CPUs"),
  LacksMemory: never("lacks memory", "lack memory"),
  LacksDisks: never("lacks disks", "lack disks"),
  LacksNICs: never("lacks network interfaces", "lack network interfaces"),
  LacksLinkSpeed: never("has slower links", "have slower links"),
  LacksGPUs: never("lacks GPUs", "lack GPUs"),
  NoImageForArchitecture: never(
    "has an architecture that the image is not made for",
    "have an architecture that the image is not made for",
    "name an image that has an artifact for it, or enrol machines that fit.",
  ),
  DiskTooSmallForImage: never(
    "has no disk that the image fits on",
    "have no disk that the image fits on",
    "name a smaller image, or enrol machines that fit.",
  ),
  Deleting: never("is being deleted", "are being deleted", "enrol machines that fit."),
  Tainted: later("has a taint", "have taints"),
  Cordoned: later("is cordoned", "are cordoned"),
  OutOfService: later("is out of service", "are out of service"),
  Paused: later("is paused", "are paused"),
  Held: later("is held", "are held"),
  Stalled: later("is stalled", "are stalled"),
  NotReady: later("is not ready yet", "are not ready yet"),
  Reserved: later("goes to a claim before this one", "go to claims before this one"),
  Spread: later("would break topologySpread", "would break topologySpread"),
} as const satisfies Record<string, Why>;

export type Reason = keyof typeof REASONS;

type Fails = (machine: Candidate, request: Request) => boolean;

/**
 * In this order: what the tenant may not have, what the machine can never be, what it is not now. So
 * a machine is counted as held only if it would do once it is free.
 */
const CHECKS: readonly (readonly [Reason, Fails])[] = [
  ["ZoneNotOpen", ({ zone }, { zones }) => !zones.has(zone)],
  ["WrongZone", ({ zone }, { need }) => isOut(zone, need.zones, need.notZones)],
  ["WrongRack", ({ rack }, { need }) => isOut(rack, need.racks, need.notRacks)],
  ["LabelsDiffer", ({ labels }, { spec }) => !matchesLabels(spec.selector ?? {}, labels)],
  ["WrongProfile", ({ profile }, { need }) => isOut(profile, need.profiles, undefined)],
  ["NotInventoried", ({ hardware }) => hardware.architecture === undefined],
  [
    "WrongArchitecture",
    ({ hardware }, { need }) => differs(hardware.architecture, need.architecture),
  ],
  ["WrongFirmware", ({ hardware }, { need }) => differs(hardware.firmware, need.firmware)],
  [
    "WrongModel",
    ({ hardware }, { need }) =>
      differs(hardware.manufacturer, need.manufacturer) || differs(hardware.model, need.model),
  ],
  ["LacksCPU", ({ hardware }, { need }) => isLess(hardware.cpus, need.minCPUs)],
  [
    "LacksMemory",
    ({ hardware }, { need }) => isLess(hardware.memoryMiB, memoryWanted(need.minMemoryGiB)),
  ],
  [
    "LacksDisks",
    ({ hardware }, { need }) =>
      isLess(hardware.diskGiB, need.minDiskGiB) ||
      (need.disks !== undefined && !hasDisks(hardware, need.disks)),
  ],
  ["LacksNICs", ({ hardware }, { need }) => isLess(hardware.nics, need.minNICs)],
  ["LacksLinkSpeed", ({ hardware }, { need }) => isLess(hardware.maxLinkMbps, need.minLinkMbps)],
  ["LacksGPUs", ({ hardware }, { need }) => isLess(hardware.gpus, need.minGPUs)],
  [
    "NoImageForArchitecture",
    ({ hardware }, { image }) =>
      image !== null && !image.architectures.includes(hardware.architecture ?? ""),
  ],
  [
    "DiskTooSmallForImage",
    ({ hardware }, { image }) => isLess(largestDisk(hardware), image?.minDiskGiB),
  ],
  ["Tainted", ({ taints }, { spec }) => intolerable(taints, spec.tolerations) !== undefined],
];

const UNAVAILABLE: Readonly<Record<Exclude<Availability, "free">, Reason>> = {
  held: "Held",
  notReady: "NotReady",
  stalled: "Stalled",
  cordoned: "Cordoned",
  outOfService: "OutOfService",
  paused: "Paused",
  deleting: "Deleting",
};

/** Why this machine is not for this claim, as far as the two alone can tell; `null`: it is. */
export function filter(machine: Candidate, request: Request): Reason | null {
  for (const [reason, fails] of CHECKS) if (fails(machine, request)) return reason;
  return machine.availability === "free" ? null : UNAVAILABLE[machine.availability];
}

/**
 * Memory is bought in powers of two and reported without what the firmware keeps for itself: a
 * machine of 256 GiB says 257,000 MiB or so, and 256 GiB is what people ask for.
 */
const FIRMWARE_SHARE = 0.04;
const memoryWanted = (gib: number | undefined): number | undefined =>
  gib === undefined ? undefined : gib * 1_024 * (1 - FIRMWARE_SHARE);

/** What is unknown is less than whatever is asked. */
const isLess = (has: number | undefined, wanted: number | undefined): boolean =>
  wanted !== undefined && (has ?? 0) < wanted;

/** Nobody asks by letter case. */
const differs = (is: string | undefined, wanted: string | undefined): boolean =>
  wanted !== undefined && is?.toLowerCase() !== wanted.toLowerCase();

/** A machine of which it is not known is in none of the named, and not in what is shunned. */
function isOut(
  is: string | undefined,
  wanted: readonly string[] | undefined,
  shunned: readonly string[] | undefined,
): boolean {
  if (wanted !== undefined && wanted.length > 0 && !(is !== undefined && wanted.includes(is)))
    return true;
  return is !== undefined && shunned?.includes(is) === true;
}
