import type { FailureReason } from "#base/failure.ts";
import type { Phase, TaskType } from "./table.ts";

/** `spec.mode`, what a person wants of the machine. Cordoned: what is there stays, no new claim. */
export const MODES = ["Active", "Cordoned", "Rescue", "Broken", "Retired"] as const;
export type Mode = (typeof MODES)[number];

/** `spec.deletionPolicy`. Orphan: deleting the object never touches the hardware. */
export const DELETION_POLICIES = ["Orphan", "Decommission"] as const;
export type DeletionPolicy = (typeof DELETION_POLICIES)[number];

/** `spec.adoption`, what becomes of data that was there before us. Only Wipe erases it. */
export const ADOPTIONS = ["Refuse", "Adopt", "Wipe"] as const;
export type Adoption = (typeof ADOPTIONS)[number];

/** `spec.nonces`: what a person may ask for once more. */
export const NONCES = [
  "commission",
  "test",
  "deploy",
  "reboot",
  "retry",
  "release",
  "acceptHardware",
] as const;
export type Nonce = (typeof NONCES)[number];

/** Who holds the machine: a MachineClaim, `spec.deploy`, nobody; "unknown" is never "none". */
export type Holder = "none" | "claim" | "static" | "unknown";

/** What ordered a release, besides `nonces.release`. An absence alone never does. */
export type Order = "claimDeleted" | "deployRemoved";

/** What has control: our agent (it checked in lately), anything else, or nothing: it is off. */
export type Running = "agent" | "os" | "nothing";

/**
 * What the records say of the disks; the last writer counts, and a rescue is a writer.
 *
 * `{ image }`: that image was applied by us (`null`: we left half of something).
 * "foreign": something that we did not write.
 */
export type Disk = "erased" | "foreign" | { readonly image: string | null };

export const LIVE_STATES = ["Pending", "Running", "Written"] as const;
export const ENDED_STATES = ["Succeeded", "Failed", "Expired", "Canceled"] as const;
export type TaskState = (typeof LIVE_STATES | typeof ENDED_STATES)[number];

/** The machine's newest MachineTask, of whatever epoch. */
export interface Task {
  readonly type: TaskType;
  readonly epoch: number;
  readonly attempt: number;
  readonly state: TaskState;
  /** Past its bootDeadline (while Pending) or its runDeadline. */
  readonly late: boolean;
  /** It failed because another machine came up than the one that the BMC speaks for. */
  readonly conflict?: boolean;
  /** It erased nothing, since a disk is missing, or new. */
  readonly incomplete?: boolean;
  /** It failed so lately that the next attempt has to wait; see retryDelay. */
  readonly rests?: boolean;
  /** It was granted, and the machine has been read off for so long since that nobody is at work. */
  readonly deserted?: boolean;
}

/**
 * A graceful end that was recorded, and then asked of the operating system. "off": it stays so, or a
 * task begins from there. "reboot": `stopped` once it was read off, then it is started again.
 */
export interface Ending {
  readonly for: "off" | "reboot";
  readonly stopped: boolean;
  /** The time for it is over: the power may be cut. */
  readonly late: boolean;
}

/**
 * Everything that a decision may look at, gathered beforehand. Plain data: no clients, no clock.
 *
 * "unknown" is a value of its own and is never taken for "no": what we cannot see, we do not touch.
 */
export interface Facts {
  readonly phase: Phase;
  /** How often a phase with a task was entered: `status.epoch`, else the record's. */
  readonly epoch: number;
  readonly want: {
    readonly mode: Mode;
    readonly paused: boolean;
    readonly protected: boolean;
    /** Nonces that were changed and not answered yet; see {@link pending}. */
    readonly asked: readonly Nonce[];
    /** Digest of the OSImage that the holder asks for. */
    readonly image: string | null;
    /** The holder wants its machine deployed anew when it asks for another image. */
    readonly reinstall: boolean;
    /** Why the next task cannot be made yet: its image, a Secret or the zone is not there. */
    readonly trouble: FailureReason | null;
    /** `deploy.power` where it is held, `standby: Off` where it is free; `null`: not declared. */
    readonly power: "on" | "off" | null;
    readonly adoption: Adoption;
    readonly deleted: boolean;
    readonly deletionPolicy: DeletionPolicy;
  };
  readonly saw: {
    readonly holder: Holder;
    readonly order: Order | null;
    /** The Zone's releases of this hour are used up. */
    readonly brake: boolean;
    /** Another object claims to be this machine: DuplicateMac, DuplicateBmc, … */
    readonly duplicate: FailureReason | null;
    /** There is a status or a record: the machine is not met for the first time. */
    readonly known: boolean;
    /** As read just now, against what was learned; nothing learned yet counts as "same". */
    readonly identity: "same" | "changed" | "unread";
    readonly running: Running | "unknown";
    /** Why `running` is unknown, if the BMC is to blame. */
    readonly bmc: FailureReason | null;
    readonly disk: Disk | "unknown";
    readonly task: Task | null;
    /** The graceful end that is under way. */
    readonly ending: Ending | null;
    /** Longer in this phase than its deadline in the table. */
    readonly overdue: boolean;
  };
}

/** What is there to tell who holds a machine. UIDs are compared, never names alone. */
export interface Evidence {
  /** `spec.deploy` is there. */
  readonly deploy: boolean;
  /** `status.claimRef`; the record's where the status was lost. */
  readonly claimRef: { readonly uid: string } | null;
  /** What is found under the name in claimRef. */
  readonly claim: {
    readonly uid: string;
    readonly deleting: boolean;
    /** Its status says that it holds another machine: then it does not hold this one as well. */
    readonly elsewhere?: boolean;
  } | null;
  /** The record says Deployed: it names an image, from before its first write to its release. */
  readonly applied: boolean;
}

/**
 * Who holds a machine, and whether its release was ordered.
 *
 * It stays held until the release was carried out, so that the order is seen again after a crash:
 * the claim keeps its finalizer, the record its image, until both are erased from the machine.
 */
export function holding(seen: Evidence): { readonly holder: Holder; readonly order: Order | null } {
  const { claimRef, claim } = seen;
  if (claimRef !== null) {
    const lost = claim?.uid !== claimRef.uid || claim.elsewhere === true;
    if (lost) return { holder: "unknown", order: null }; // ClaimLost
    return { holder: "claim", order: claim.deleting ? "claimDeleted" : null };
  }
  if (seen.deploy) return { holder: "static", order: null };
  if (seen.applied) return { holder: "static", order: "deployRemoved" };
  return { holder: "none", order: null };
}

export type Nonces = { readonly [Name in Nonce]?: string };

/** The nonces to answer. At first sight of a machine (nothing applied yet) they are only adopted. */
export function pending(spec: Nonces, applied: Nonces | undefined): readonly Nonce[] {
  if (applied === undefined) return [];
  return NONCES.filter((name) => spec[name] !== undefined && spec[name] !== applied[name]);
}
