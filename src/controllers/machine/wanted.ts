import type { Deploy } from "#api/deploy.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { MachineRecord } from "#api/record.ts";
import type { Evidence } from "#lifecycle/facts.ts";

/** What is to run on a machine, and on whose word. */
export interface Wanted {
  readonly deploy: Deploy;
  /** Where the Secrets are that it names: whoever asks for it reads none but his own. */
  readonly namespace: string;
  /** Another image than the one that was applied is an order to deploy it. */
  readonly reinstall: boolean;
}

export const hasSecrets = ({ deploy }: Wanted): boolean =>
  deploy.userDataSecretRef !== undefined || deploy.networkDataSecretRef !== undefined;

/** The claim as evidence of who holds the machine; `null`: there is none of that name. */
export function claimEvidence(
  { metadata }: Machine,
  claim: MachineClaim | undefined,
): Evidence["claim"] {
  if (claim === undefined) return null;
  const { machineRef } = claim.status ?? {};
  const elsewhere =
    machineRef !== undefined &&
    (machineRef.name !== metadata.name || machineRef.namespace !== metadata.namespace);
  const deleting = claim.metadata.deletionTimestamp !== undefined;
  return { uid: claim.metadata.uid, deleting, elsewhere };
}

/** Of the claim that holds it, if one does; else of its own spec. */
export function wantedOn(
  machine: Machine,
  { claimRef }: MachineRecord,
  claim: MachineClaim | undefined,
): Wanted | null {
  if (claimRef !== undefined) {
    const holds = claimEvidence(machine, claim);
    if (claim?.spec.deploy === undefined || holds?.uid !== claimRef.uid || holds.elsewhere === true)
      return null;
    const { deploy, updateStrategy } = claim.spec;
    const { namespace } = claimRef;
    return { deploy, namespace, reinstall: updateStrategy === "Reinstall" };
  }
  const { deploy } = machine.spec;
  const { namespace = "default" } = machine.metadata;
  return deploy === undefined ? null : { deploy, namespace, reinstall: false };
}
