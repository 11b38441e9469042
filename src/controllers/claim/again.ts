/** Whether a claim may have the Machine again that forgot it. */
import type { Machine } from "#api/machine.ts";
import type { MachineClaim, MachineClaimStatus } from "#api/machine-claim.ts";
import { taskName } from "#api/machine-task.ts";
import { isBlank } from "#api/record.ts";
import { claimOf } from "#controllers/machine/evidence.ts";
import { ATTEMPTS } from "#lifecycle/guards.ts";
import { availabilityOf } from "#placement/candidate.ts";

type Untouched = MachineClaimStatus["untouched"];

/** Nothing was ever written for its holder. */
export const isUntouched = ({ status }: Machine): boolean =>
  status?.applied?.disk === "Erased" && status.applied.imageDigest === undefined;

/** What a claim writes down of the Machine that it holds, until something is written to that. */
export function untouchedBy(machine: Machine): Untouched {
  const { status } = machine;
  if (isBlank(status) || !isUntouched(machine)) return undefined;
  const release = status?.applied?.nonces?.release;
  return { epoch: status?.epoch ?? 0, ...(release !== undefined && { release }) };
}

/**
 * Where a Machine's status is lost before the record says whose it is, it has nobody. Its claim may
 * have it again if all that happened since is the look that such a loss costs: the Commission of the
 * next epoch. Who was released, by a nonce or by an erase, has another nonce or a higher epoch; who
 * was written to, was so in an epoch of its own. In doubt: no.
 */
export function mayBindAgain(claim: MachineClaim, machine: Machine | undefined): boolean {
  if (machine === undefined || !isItsOwn(claim, machine)) return false;
  const { status, metadata } = machine;
  const { epoch: before = 0, release } = claim.status?.untouched ?? {};
  const epoch = before + 1;
  const { name, uid } = metadata;
  const look = { machineRef: { name, uid }, type: "Commission", epoch } as const;
  const looks = Array.from({ length: ATTEMPTS }, (_, n) => taskName({ ...look, attempt: n + 1 }));
  return (
    availabilityOf(machine, false) === "free" &&
    isUntouched(machine) &&
    status?.epoch === epoch &&
    looks.includes(status.applied?.task ?? "") &&
    status.applied?.nonces?.release === release
  );
}

/** Its status was lost, and the look that may give it back to its claim is not over. */
export function isLookedAtAnew(claim: MachineClaim, machine: Machine | undefined): boolean {
  if (machine === undefined || !isItsOwn(claim, machine)) return false;
  const { epoch: before = 0 } = claim.status?.untouched ?? {};
  const { epoch = 0 } = machine.status ?? {};
  if (availabilityOf(machine, false) !== "notReady") return false;
  return isBlank(machine.status) || epoch === before + 1;
}

/** The very Machine that the claim held untouched, and nobody's now. */
const isItsOwn = ({ status }: MachineClaim, machine: Machine): boolean =>
  status?.untouched !== undefined &&
  status.machineRef?.uid === machine.metadata.uid &&
  claimOf(machine) === undefined;
