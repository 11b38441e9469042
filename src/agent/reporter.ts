import type { Report } from "#api/agent.ts";
import type { Clock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { Unreachable } from "./http.ts";
import { Progress } from "./progress.ts";

const HEARTBEAT = seconds(10);
/** Steps that follow each other this fast are told of together. */
const GATHER = seconds(0.5);
/** Given as reason, so that no error with a stack is made for what is no error. */
const AWAKE = "awake";

export interface ReporterDeps {
  readonly send: (report: Report, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly log: (line: string) => void;
}

/** Keeps the rack told of a running task: at each change of step, and every ten seconds. */
export class Reporter implements AsyncDisposable {
  readonly progress: Progress;
  readonly #task: string;
  readonly #deps: ReporterDeps;
  readonly #refused: (error: unknown) => void;
  readonly #signal: AbortSignal;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #wake = new AbortController();

  /** @param refused called once when the rack refuses a report; none is sent after that */
  constructor(
    task: string,
    deps: ReporterDeps,
    refused: (error: unknown) => void,
    signal: AbortSignal,
  ) {
    this.#signal = signal;
    this.#task = task;
    this.#deps = deps;
    this.#refused = refused;
    this.progress = new Progress(deps.clock, () => this.#wake.abort(AWAKE));
    this.#running = this.#run();
  }

  /** What the task's report says now; the caller adds how it ended. */
  get report(): Report {
    return { task: this.#task, state: "Running", ...this.progress.now };
  }

  /** Sends no more, and waits for the report that is under way: the last one must come after it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(AWAKE);
    await this.#running;
  }

  async #run(): Promise<void> {
    while (await this.#due()) if (!(await this.#sent())) return;
  }

  /** Waits for the next change or heartbeat; false when there is nothing more to be sent. */
  async #due(): Promise<boolean> {
    const end = AbortSignal.any([this.#signal, this.#stop.signal]);
    const either = AbortSignal.any([end, this.#wake.signal]);
    const { clock } = this.#deps;
    await clock.sleep(HEARTBEAT, either).catch(() => undefined);
    if (this.#wake.signal.aborted) {
      await clock.sleep(GATHER, end).catch(() => undefined);
      this.#wake = new AbortController();
    }
    return !end.aborted;
  }

  /** Whether to go on. A report that got lost is made good by the next. */
  async #sent(): Promise<boolean> {
    try {
      await this.#deps.send(this.report, this.#signal);
    } catch (error) {
      if (this.#signal.aborted) return false;
      if (!(error instanceof Unreachable)) {
        this.#refused(error);
        return false;
      }
      this.#deps.log(`report: ${error.message}`);
    }
    return true;
  }
}
