import { backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import { type Duration, hours, minutes } from "#base/duration.ts";
import { Fifo } from "./_fifo.ts";
import { Waiting } from "./_waiting.ts";
import type { RuntimeMetrics } from "./metrics.ts";

export interface QueueOptions {
  readonly name: string;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly metrics: RuntimeMetrics;
  /** Delay after the first failure of a key; doubled with each that follows. Default 5 ms. */
  readonly firstDelay?: Duration;
  /** Default 5 min. */
  readonly maxDelay?: Duration;
  /** Whether a key goes before those that are not: what is under way before what begins. */
  readonly isUrgent?: (key: string) => boolean;
}

const SLICE = 20; // milliseconds of work, after which sockets and timers have their turn
const LONGEST_SLEEP = hours(24); // a timer of Node takes no more than 2^31 ms

/**
 * Keys that want work. A key is queued once, however often it is added, and is never worked on twice
 * at a time: what is added meanwhile runs afterwards. Delays are lower bounds.
 */
export class KeyedQueue {
  readonly #options: QueueOptions;
  readonly #ready = new Fifo();
  readonly #urgent = new Fifo();
  /** Keys that are to be worked on, with the moment from which they have been. */
  readonly #dirty = new Map<string, number>();
  /** Keys that are worked on, and since when. */
  readonly #busy = new Map<string, number>();
  readonly #waiting = new Waiting();
  readonly #failures = new Map<string, number>();
  #alarm: { readonly due: number; readonly off: AbortController } | null = null;
  #wake: () => void = () => undefined;
  #stopped = false;
  /** The event loop's present turn, if work began in it. */
  #turn: { readonly since: number; isOver: boolean } | null = null;

  constructor(options: QueueOptions) {
    this.#options = options;
    const { clock, metrics, name } = options;
    metrics.queueRunning(name, () => Array.from(this.#busy.values(), (at) => clock.now() - at));
  }

  /** Keys that could be taken now. */
  get depth(): number {
    return this.#urgent.length + this.#ready.length;
  }

  /** Keys whose time has not come. */
  get waiting(): number {
    return this.#waiting.size;
  }

  add(key: string): void {
    if (this.#stopped || this.#dirty.has(key)) return;
    this.#dirty.set(key, this.#options.clock.now());
    this.#options.metrics.queueAdded(this.#options.name);
    if (!this.#busy.has(key)) this.#push(key);
  }

  /**
   * Adds the key after `delay`. Of several the earliest counts, and once a run of the key begins
   * those before it are forgotten: it sees all that they were about.
   */
  addAfter(key: string, delay: Duration): void {
    if (this.#stopped) return;
    this.#waiting.put(key, this.#options.clock.now() + delay);
    this.#arm();
  }

  /** After a failure: the delay grows until {@link forget}. `atLeast` is what the server asked for. */
  addBackedOff(key: string, atLeast: Duration | null = null): void {
    const { firstDelay = 5 as Duration, maxDelay = minutes(5), random } = this.#options;
    const tries = this.#failures.get(key) ?? 0;
    this.#failures.set(key, tries + 1);
    this.#options.metrics.queueRetried(this.#options.name);
    const delay = backoff(firstDelay, maxDelay, tries, random());
    this.addAfter(key, Math.max(delay, atLeast ?? 0) as Duration);
  }

  /** The key is well again: its next failure starts with the first delay. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /**
   * Hands out keys, at most `workers` at a time, until the signal comes; then takes no more and
   * resolves when those under way have ended. `work` gets every failure into its own hands: what it
   * throws ends the queue.
   */
  async run(
    workers: number,
    work: (key: string) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    let active = 0;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const pump = (): void => {
      while (!this.#stopped && active < workers && this.#mayGoOn(pump)) {
        const key = this.#take();
        if (key === undefined) return;
        active++;
        this.#work(key, work).then(() => {
          active--;
          this.#stopped && active === 0 ? resolve() : pump();
        }, reject);
      }
    };
    const stop = (): void => {
      this.#stop();
      if (active === 0) resolve();
    };
    this.#wake = pump;
    signal.addEventListener("abort", stop, { once: true });
    try {
      signal.aborted ? stop() : pump();
      await promise;
    } finally {
      this.#stop();
      signal.removeEventListener("abort", stop);
    }
  }

  /**
   * Work that waits for nothing follows itself without end, and neither the Lease is renewed nor a
   * probe answered meanwhile. So what is left waits for the event loop's next turn.
   */
  #mayGoOn(pump: () => void): boolean {
    if (this.#turn === null) {
      this.#turn = { since: this.#options.clock.now(), isOver: false };
      setImmediate(() => {
        const wasOver = this.#turn?.isOver === true;
        this.#turn = null;
        if (wasOver) pump();
      });
    }
    this.#turn.isOver ||= this.#options.clock.now() - this.#turn.since >= SLICE;
    return !this.#turn.isOver;
  }

  #stop(): void {
    this.#stopped = true;
    this.#alarm?.off.abort();
  }

  #push(key: string): void {
    const isUrgent = this.#options.isUrgent?.(key) ?? false;
    (isUrgent ? this.#urgent : this.#ready).push(key);
    this.#options.metrics.queueDepth(this.#options.name, this.depth);
    this.#wake();
  }

  #take(): string | undefined {
    return this.#urgent.shift() ?? this.#ready.shift();
  }

  async #work(key: string, work: (key: string) => Promise<void>): Promise<void> {
    const { clock, metrics, name } = this.#options;
    const start = clock.now();
    metrics.queueDepth(name, this.depth);
    metrics.queueWaited(name, (start - (this.#dirty.get(key) ?? start)) as Duration);
    this.#dirty.delete(key);
    this.#waiting.drop(key);
    this.#busy.set(key, start);
    try {
      await work(key);
    } finally {
      this.#busy.delete(key);
      metrics.queueWorked(name, (clock.now() - start) as Duration);
      if (this.#dirty.has(key)) this.#push(key);
    }
  }

  /** Sees to it that one alarm is set, for the earliest key that waits. */
  #arm(): void {
    const due = this.#waiting.next();
    if (due === undefined || (this.#alarm !== null && this.#alarm.due <= due)) return;
    this.#alarm?.off.abort();
    const alarm = { due, off: new AbortController() };
    this.#alarm = alarm;
    const delay = Math.min(Math.max(0, due - this.#options.clock.now()), LONGEST_SLEEP);
    this.#options.clock.sleep(delay as Duration, alarm.off.signal).then(
      () => this.#ring(alarm),
      () => undefined, // set anew for an earlier key, or stopped
    );
  }

  #ring(alarm: { readonly due: number }): void {
    if (this.#alarm !== alarm || this.#stopped) return;
    this.#alarm = null;
    const now = this.#options.clock.now();
    for (let key = this.#waiting.take(now); key !== undefined; key = this.#waiting.take(now)) {
      this.add(key);
    }
    this.#arm();
  }
}
