import type { Hardware } from "#agent/hardware.ts";
import type { Progress } from "#agent/progress.ts";
import type { RetryDeps } from "#agent/retry.ts";
import type { Order, Report, Seed } from "#api/agent.ts";
import type { Inventory } from "#api/machine-inventory.ts";

/** How a task ended, as its last report says. */
export type Outcome = Pick<Report, "state" | "reason" | "message" | "results">;

/** What a running task may use. The log's last lines go into its reports: no secrets. */
export interface TaskContext extends RetryDeps {
  readonly hardware: Hardware;
  readonly progress: Progress;
  readonly rack: {
    inventory(inventory: Inventory, signal: AbortSignal): Promise<void>;
    seed(signal: AbortSignal): Promise<Seed>;
  };
}

/** Runs until its task has ended; rejects with a `TaskError`, or with the signal's reason. */
export type TaskProgram = (
  order: Order,
  context: TaskContext,
  signal: AbortSignal,
) => Promise<Outcome>;
