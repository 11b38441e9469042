import type { TaskProgram } from "./context.ts";

/** Stays in RAM, reporting, until the rack refuses a report because the task has ended. */
export const rescue: TaskProgram = (_order, { progress }, signal) =>
  progress.step(
    "Rescue",
    () =>
      new Promise((_resolve, reject) => {
        signal.throwIfAborted();
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      }),
  );
