/** Why a task failed, in one word: the `reason` of the report, closed so that docs can list them. */
export type TaskReason =
  | "DiskTooSmall"
  | "SectorSizeMismatch"
  | "RootDeviceNotFound"
  | "ImageUnavailable"
  | "ImageUnsupported"
  | "ImageCorrupt"
  | "DigestMismatch"
  | "DiskFailed"
  | "NoRoomForSeed"
  | "EraseIncomplete"
  | "EraseFailed"
  | "OrderInvalid"
  | "AgentFailed";

/** A task that ends as Failed; anything else that is thrown becomes `AgentFailed`. */
export class TaskError extends Error {
  override readonly name = "TaskError";
  readonly reason: TaskReason;

  constructor(reason: TaskReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** The rack answered 403: no grant (any more). Touch nothing, power off. */
export class Refused extends Error {
  override readonly name = "Refused";
}
