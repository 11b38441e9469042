import type { Machine } from "#api/machine.ts";
import type { MachineHardware } from "#api/machine-facts.ts";
import type { Taint } from "#api/placement.ts";
import { isHearsay } from "#api/record.ts";
import { keyOf } from "#base/object.ts";

/** Whether a machine can be had now; if not, whether it may become so by itself. */
export type Availability =
  | "free"
  | "held"
  /** On its way: it is being inventoried, tested, erased. */
  | "notReady"
  | "stalled"
  | "cordoned"
  /** Retired, Broken, or taken for a rescue. */
  | "outOfService"
  | "paused"
  | "deleting";

/** What placement sees of a Machine. */
export interface Candidate {
  readonly uid: string;
  /** `namespace/name`. */
  readonly key: string;
  readonly zone: string;
  /** `spec.location.rack`; racks of different zones are different, whatever their names. */
  readonly rack: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly profile: string | undefined;
  readonly hardware: MachineHardware;
  readonly availability: Availability;
  /** An agent waits on it, so that a deploy starts without a boot. */
  readonly warm: boolean;
}

/** What of a machine does not stand in its spec and status. */
interface Known {
  /** It carries a claimRef: in its status or, where that was lost, in its record. */
  readonly claimed: boolean;
  /** The HardwareProfile that it names or, if it names none, that matches it. */
  readonly profile: string | undefined;
}

/** A Machine as placement sees it. */
export function candidateOf(machine: Machine, { claimed, profile }: Known): Candidate {
  const { metadata, spec, status } = machine;
  return {
    uid: metadata.uid,
    key: keyOf(metadata),
    zone: spec.zoneRef.name,
    rack: spec.location?.rack,
    labels: metadata.labels ?? {},
    taints: spec.taints ?? [],
    profile,
    hardware: status?.hardware ?? {},
    availability: availabilityOf(machine, claimed),
    warm: status?.boot === "Agent",
  };
}

/** `claimed`: it carries a claimRef. */
export function availabilityOf(machine: Machine, claimed: boolean): Availability {
  const { metadata, spec, status } = machine;
  if (metadata.deletionTimestamp !== undefined) return "deleting";
  if (claimed || spec.deploy !== undefined || status?.applied?.imageDigest !== undefined)
    return "held";
  if (spec.paused) return "paused";
  if (spec.mode === "Cordoned") return "cordoned";
  if (spec.mode !== "Active") return "outOfService";
  if (is(machineConditions(status), "Stalled")) return "stalled";
  // What was edited and not looked at yet may be about to leave: to be retired, tested, inventoried anew.
  const seen = status?.observedGeneration === metadata.generation;
  const erased = status?.applied?.disk === "Erased" && !isHearsay(machine, status.applied);
  const ready = is(machineConditions(status), "Ready") && status?.hardware !== undefined;
  return seen && erased && ready ? "free" : "notReady";
}

const machineConditions = (status: Machine["status"]) => status?.conditions ?? [];

const is = (conditions: ReturnType<typeof machineConditions>, type: string): boolean =>
  conditions.some((condition) => condition.type === type && condition.status === "True");
