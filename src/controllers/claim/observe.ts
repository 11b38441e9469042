import { RELEASE_FINALIZER } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { OSImage } from "#api/os-image.ts";
import { claimOf } from "#controllers/machine/evidence.ts";
import type { Deps } from "./deps.ts";
import type { Waiting } from "./scheduler.ts";

/** A Machine that spec.machineRef names, whose own claim may be lost. */
export type Adoption =
  | { readonly of: "nothing" }
  /** Its claim is lost: nobody of that name and UID is there. */
  | { readonly of: "lost"; readonly machine: Machine; readonly namespace: string }
  /** This very claim lost its hold on it before anything was written. */
  | { readonly of: "free"; readonly machine: Machine };

/** Everything that the plan for a claim may look at. */
export interface Seen {
  readonly claim: MachineClaim;
  readonly isHolding: boolean;
  readonly held: readonly Machine[];
  /** The Machine that status.machineRef names, whoever holds it. */
  readonly last: Machine | undefined;
  /** What the scheduler has promised. */
  readonly promised: Machine | undefined;
  readonly waiting: Waiting | undefined;
  readonly image: OSImage | undefined;
  readonly adoption: Adoption;
  readonly now: number;
}

export async function observe(claim: MachineClaim, deps: Deps, signal: AbortSignal): Promise<Seen> {
  const { metadata, spec, status } = claim;
  const held = deps.heldBy(metadata.uid);
  return {
    claim,
    isHolding: metadata.finalizers?.includes(RELEASE_FINALIZER) === true,
    held,
    last: status?.machineRef && deps.machine(status.machineRef),
    promised: deps.scheduler.promised(metadata.uid),
    waiting: deps.scheduler.verdict(metadata.uid),
    image: spec.deploy && deps.image(spec.deploy.imageRef.name),
    adoption: held.length > 0 ? { of: "nothing" } : await adoptionOf(claim, deps, signal),
    now: deps.clock.now(),
  };
}

async function adoptionOf(
  { metadata, spec }: MachineClaim,
  deps: Deps,
  signal: AbortSignal,
): Promise<Adoption> {
  const nothing = { of: "nothing" } as const;
  if (!spec.adoptBound || spec.machineRef === undefined) return nothing;
  const machine = deps.machine(spec.machineRef);
  if (machine === undefined) return nothing;
  const claimRef = claimOf(machine);
  if (claimRef === undefined) return { of: "free", machine };
  if (claimRef.uid === metadata.uid) return nothing;
  // Live, since what is decided on it cannot be taken back: a claim that our cache has not seen holds, too.
  const other = await deps.liveClaim(claimRef, signal);
  if (other?.metadata.uid === claimRef.uid) return nothing;
  return { of: "lost", machine, namespace: claimRef.namespace };
}
