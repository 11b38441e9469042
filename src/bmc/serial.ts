import { Failure } from "#base/failure.ts";

/** Runs one piece of work at a time, in the order of asking. Most BMCs stand no more. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  /** Rejects with BmcBusy when `signal` is spent before its turn came: nothing was sent then. */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const turn = this.#last.then(() => {
      if (signal.aborted) throw new Failure("BmcBusy", "gave up waiting for another exchange");
      return work();
    });
    this.#last = turn.catch(() => {});
    return turn;
  }
}
