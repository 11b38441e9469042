import { z } from "zod";
import { RECORD_ANNOTATION } from "./group.ts";
import { type Machine, MachineStatus } from "./machine.ts";
import { isOfAnother } from "./machine-task.ts";

/**
 * What must outlive a Machine's status: who holds it, what is on it, who it is. Mirrored in an
 * annotation, which a restore or a move keeps; read only when the status was lost (ADR 0006).
 */
export const MachineRecord = z.object(MachineStatus.unwrap().shape).pick({
  epoch: true,
  claimRef: true,
  applied: true,
  addresses: true,
  identity: true,
  lastErase: true,
});
export type MachineRecord = z.output<typeof MachineRecord>;

/**
 * Nobody has written it yet, or it was lost: it is as the API server's defaults make it, which show
 * people a phase New and know nothing. Whatever the operator writes has a generation.
 */
export const isBlank = (status: MachineStatus | undefined): boolean =>
  (status?.observedGeneration ?? -1) < 0;

/**
 * It says that the disks are free to be written, and a Machine before this one said so: what a backup
 * says, or another cluster, may be old, and somebody's data there by now. Only a look at them can tell.
 */
export const isHearsay = ({ metadata }: Machine, applied: MachineRecord["applied"]): boolean =>
  (applied?.disk === "Erased" || applied?.disk === "Partial") &&
  applied.task !== undefined &&
  isOfAnother(applied.task, metadata.uid);

/** Null: there is none, or nobody can read it; then it is as if there was none. */
export function readRecord(machine: Machine): MachineRecord | null {
  const text = machine.metadata.annotations?.[RECORD_ANNOTATION];
  if (text === undefined) return null;
  try {
    const parsed = MachineRecord.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** The annotation's text. */
export function writeRecord(status: MachineStatus): string {
  const { epoch, claimRef, applied, addresses, identity, lastErase } = status;
  return JSON.stringify({ epoch, claimRef, applied, addresses, identity, lastErase });
}
