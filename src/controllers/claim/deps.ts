import type { Machine } from "#api/machine.ts";
import type { MachineClaim, MachineClaimStatus } from "#api/machine-claim.ts";
import type { OSImage } from "#api/os-image.ts";
import type { Clock } from "#base/clock.ts";
import type { ObjectRef } from "#base/object.ts";
import type { EventText } from "#kube/events.ts";
import type { Scheduler } from "./scheduler.ts";

/** All that the reconciler of claims needs of the outside world. */
export interface Deps {
  readonly clock: Clock;
  readonly scheduler: Pick<Scheduler, "promised" | "verdict" | "takeBack" | "kept">;

  /** From caches; nothing of this waits. */
  readonly get: (key: string) => MachineClaim | undefined;
  readonly machine: (ref: ObjectRef) => Machine | undefined;
  /** Machines that carry the claim's UID. */
  readonly heldBy: (claimUid: string) => readonly Machine[];
  readonly image: (name: string) => OSImage | undefined;
  readonly event: (claim: MachineClaim, event: EventText) => void;

  /** From the API server itself. */
  readonly liveClaim: (ref: ObjectRef, signal: AbortSignal) => Promise<MachineClaim | null>;
  readonly liveHeldBy: (claimUid: string, signal: AbortSignal) => Promise<readonly Machine[]>;

  /** Each is refused (409) if its object changed since; resolves to what is there then. */
  readonly writeStatus: (
    claim: MachineClaim,
    status: MachineClaimStatus,
    signal: AbortSignal,
  ) => Promise<MachineClaim>;
  readonly addFinalizer: (claim: MachineClaim, signal: AbortSignal) => Promise<MachineClaim>;
  readonly removeFinalizer: (claim: MachineClaim, signal: AbortSignal) => Promise<void>;
  /** Sets the Machine's claimRef: the lock. `epoch`: it replaces the claimRef of a lost claim. */
  readonly bind: (
    machine: Machine,
    claim: MachineClaim,
    epoch: number | null,
    signal: AbortSignal,
  ) => Promise<void>;
  readonly unbind: (machine: Machine, signal: AbortSignal) => Promise<void>;
}
