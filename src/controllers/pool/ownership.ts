import { API_VERSION, KINDS, POOL_LABEL } from "#api/group.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { MachinePool } from "#api/machine-pool.ts";
import type { OwnerReference } from "#base/object.ts";

/** Whose the claims are, by the rules of a ReplicaSet. */
export interface Ownership {
  readonly mine: readonly MachineClaim[];
  /** They have the pool's label and no controller: they become the pool's. */
  readonly orphans: readonly MachineClaim[];
  /** The pool's, but somebody took its label away: they become nobody's. */
  readonly strays: readonly MachineClaim[];
  /** Of a pool of the same name that is gone: deleted, or orphaned, any moment now. */
  readonly heirless: readonly MachineClaim[];
}

/** @param claims all of the namespace that the pool owns, or that have its label */
export function ownership(
  { metadata: { name, uid } }: MachinePool,
  claims: readonly MachineClaim[],
): Ownership {
  const owned = claims.filter((claim) => controllerOf(claim)?.uid === uid);
  const others = claims.filter(
    ({ metadata }) =>
      metadata.labels?.[POOL_LABEL] === name && metadata.deletionTimestamp === undefined,
  );
  const isMine = ({ metadata }: MachineClaim): boolean =>
    metadata.labels?.[POOL_LABEL] === name || metadata.deletionTimestamp !== undefined;
  return {
    mine: owned.filter(isMine),
    strays: owned.filter((claim) => !isMine(claim)),
    orphans: others.filter((claim) => controllerOf(claim) === undefined),
    heirless: others.filter((claim) => {
      const owner = controllerOf(claim);
      return owner?.kind === KINDS.machinePool.kind && owner.name === name && owner.uid !== uid;
    }),
  };
}

export const controllerOf = ({ metadata }: MachineClaim): OwnerReference | undefined =>
  metadata.ownerReferences?.find(({ controller }) => controller === true);

/** Deletion of the pool takes its claims along; in the foreground, it waits for them. */
export const ownerOf = ({ metadata: { name, uid } }: MachinePool): OwnerReference => ({
  ...{ apiVersion: API_VERSION, kind: KINDS.machinePool.kind, name, uid },
  controller: true,
  blockOwnerDeletion: true,
});
