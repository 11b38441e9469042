import type { HardwareProfile } from "#api/hardware-profile.ts";
import type { Machine, MachineStatus } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { MachineInventory } from "#api/machine-inventory.ts";
import type { MachineTask, MachineTaskSpec } from "#api/machine-task.ts";
import type { OSImage } from "#api/os-image.ts";
import type { Zone } from "#api/zone.ts";
import type { Clock } from "#base/clock.ts";
import type { ObjectRef } from "#base/object.ts";
import type { BmcDriver } from "#bmc/driver.ts";
import type { EventText } from "#kube/events.ts";
import type { Book } from "./addresses.ts";
import type { Mark } from "./duplicates.ts";
import type { Trouble } from "./gather.ts";
import type { MachineMemory } from "./memory.ts";
import type { Wanted } from "./wanted.ts";

/** The Secrets that a deploy names: all fine, or what is wrong with them. */
export type UserData =
  | { readonly trouble: Trouble }
  /** `null`: none is named. The hash is of the contents; the contents go to the zone, not here. */
  | { readonly hash: string | null };

/** A BMC to talk to, and with which version of the Secret. */
export interface OpenBmc {
  readonly driver: BmcDriver;
  readonly credentialsVersion: string;
}

/** All that the reconciler needs of the outside world. `bin/operator.ts` builds it; tests fake it. */
export interface Deps {
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly memory: MachineMemory;

  /** From caches; nothing of this waits. */
  readonly get: (key: string) => Machine | undefined;
  /** How many Machines there are. */
  readonly fleet: () => number;
  readonly byUid: (uid: string) => Machine | undefined;
  readonly tasksOf: (machine: Machine) => readonly MachineTask[];
  readonly zone: (name: string) => Zone | undefined;
  readonly image: (name: string) => OSImage | undefined;
  /** The HardwareProfile that it names, or whose model it is. */
  readonly profile: (machine: Machine) => HardwareProfile | undefined;
  readonly claim: (ref: ObjectRef) => MachineClaim | undefined;
  readonly shared: (mark: Mark, value: string) => readonly Machine[];
  /** UIDs of the zone's machines whose release began after that moment, by its phase or its Erase. */
  readonly releasedSince: (zone: string, since: number) => Iterable<string>;
  readonly addresses: (machine: Machine) => Book;
  /** Look at that machine, too. */
  readonly enqueue: (machine: Machine) => void;
  readonly event: (machine: Machine, event: EventText) => void;

  /** Throws Failure where the Secret is not there. */
  readonly openBmc: (machine: Machine, signal: AbortSignal) => Promise<OpenBmc>;
  readonly inventory: (machine: Machine, signal: AbortSignal) => Promise<MachineInventory | null>;
  readonly userData: (wanted: Wanted, signal: AbortSignal) => Promise<UserData>;

  /**
   * One merge patch with the resourceVersion of `machine`: refused, and tried again by the queue, if
   * the Machine changed meanwhile. Nothing is sent when nothing differs.
   */
  readonly writeStatus: (
    machine: Machine,
    status: MachineStatus,
    signal: AbortSignal,
  ) => Promise<Machine>;
  /** Resolves to false if a task of that name is there already. */
  readonly createTask: (
    name: string,
    spec: MachineTaskSpec,
    machine: Machine,
    labels: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ) => Promise<boolean>;
  /** Resolves to false if the task changed since it was seen: perhaps it was granted just now. */
  readonly endTask: (
    task: MachineTask,
    state: "Expired" | "Canceled",
    message: string,
    signal: AbortSignal,
  ) => Promise<boolean>;
  /** Forgets an ended task. */
  readonly deleteTask: (task: MachineTask, signal: AbortSignal) => Promise<void>;
  /** The annotation steelyard.dev/record and our finalizer, with one patch. */
  readonly writeRecord: (machine: Machine, record: string, signal: AbortSignal) => Promise<Machine>;
  readonly releaseFinalizer: (machine: Machine, signal: AbortSignal) => Promise<void>;
  /** Copies what the task needs of the named Secrets to the zone's namespace. */
  readonly copySeed: (
    machine: Machine,
    wanted: Wanted,
    name: string,
    signal: AbortSignal,
  ) => Promise<void>;
  readonly dropSeed: (zone: string, name: string, signal: AbortSignal) => Promise<void>;
}
