import type { Duration } from "#base/duration.ts";

/** What the runtime counts; prometheus.ts shows it under controller-runtime's names. */
export interface RuntimeMetrics {
  queueDepth(queue: string, depth: number): void;
  queueAdded(queue: string): void;
  queueRetried(queue: string): void;
  /** From being added to being taken. */
  queueWaited(queue: string, time: Duration): void;
  queueWorked(queue: string, time: Duration): void;
  /** Asked whenever somebody looks: for how long each key that is worked on has been, in ms. */
  queueRunning(queue: string, ages: () => readonly number[]): void;
  workers(controller: string, most: number): void;
  reconciled(controller: string, result: ReconcileResult, time: Duration): void;
  activeWorkers(controller: string, count: number): void;
  leading(lease: string, leads: boolean): void;
  /** `code` is the HTTP status, 0 when no answer came. */
  requested(method: string, code: number, time: Duration): void;
  relisted(resource: string): void;
  eventDropped(): void;
}

export type ReconcileResult = "success" | "requeue_after" | "error";

const nothing = (): void => undefined;

/** For tests and for programs that show no metrics. */
export const noMetrics: RuntimeMetrics = {
  queueDepth: nothing,
  queueAdded: nothing,
  queueRetried: nothing,
  queueWaited: nothing,
  queueWorked: nothing,
  queueRunning: nothing,
  workers: nothing,
  reconciled: nothing,
  activeWorkers: nothing,
  leading: nothing,
  requested: nothing,
  relisted: nothing,
  eventDropped: nothing,
};
