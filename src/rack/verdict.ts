import type { MachineTaskStatus } from "#api/machine-task.ts";

/** Why somebody may not go on: a label of the metric, and the word in the answer. */
export type Refusal =
  | "NoSuchTask"
  | "Ended"
  | "NotDue"
  | "BootConflict"
  | "IdentityConflict"
  | "OtherGrant"
  | "WrongState"
  | "NoInventory";

/**
 * What is decided about somebody's request from one version of a task. `write` goes into its status
 * first, under that version, and the verdict counts only once it is persisted.
 */
export type Verdict =
  | { readonly kind: "Go"; readonly write?: MachineTaskStatus }
  | { readonly kind: "Refuse"; readonly reason: Refusal; readonly write?: MachineTaskStatus };

export const refuse = (reason: Refusal): Verdict => ({ kind: "Refuse", reason });

/** RFC 3339 in seconds, as Kubernetes writes times. */
export const timestamp = (now: number): string =>
  new Date(now).toISOString().replace(/\.\d+Z$/, "Z");
