import type { Clock } from "#base/clock.ts";
import { minutes, seconds } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import { type Limits, USUAL } from "./budget.ts";
import type { BmcDriver, BmcObservation, BootTarget, FirmwareMode } from "./driver.ts";
import { type BmcKey, Line, type LineDeps } from "./line.ts";
import { openBmc } from "./open.ts";

const SWEEP = seconds(30);
/** An idle session is ended long before the BMC's own half hour; sockets go after ten seconds. */
const IDLE = minutes(5);
/** What is remembered of a BMC that nobody asks for any more. */
const FORGET = minutes(60);

export interface PoolDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** Asked before each request, reads included: whether this replica is (still) the leader. */
  readonly mayAsk: () => boolean;
  /** As the BMCs' logs show us; two replicas differ in it. */
  readonly userAgent?: string;
  readonly limits?: Limits;
  readonly open?: typeof openBmc;
}

/**
 * All BMCs that one process talks to: one exchange at a time and one session for each, a budget of
 * requests, a breaker for dead ones, and no third login with a password that was refused twice.
 */
export class BmcPool implements AsyncDisposable {
  readonly #lines = new Map<string, Line>();
  readonly #deps: PoolDeps;
  readonly #lineDeps: LineDeps;
  readonly #stop = new AbortController();
  #sweeping: Promise<void> | null = null;

  constructor(deps: PoolDeps) {
    this.#deps = deps;
    this.#lineDeps = { limits: USUAL, open: openBmc, ...deps };
  }

  /**
   * A driver on the one line to that BMC. Costs nothing and never throws: a bad address is told by
   * the first call. To dispose of it gives it back; the line stays open for the next one.
   */
  lease(key: BmcKey): BmcDriver {
    this.#sweeping ??= this.#sweep(this.#stop.signal);
    const line = this.#lines.get(key.address) ?? new Line(this.#lineDeps);
    this.#lines.set(key.address, line);
    return new Lease(line, key);
  }

  /** Logs out everywhere. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#sweeping;
    await Promise.all(Array.from(this.#lines.values(), (line) => line.close()));
    this.#lines.clear();
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#deps.clock.sleep(SWEEP, signal).catch(() => {}); // aborted: the loop ends
      const now = this.#deps.clock.now();
      for (const [address, line] of this.#lines) {
        if (now - line.usedAt > FORGET) this.#lines.delete(address);
        if (now - line.usedAt > IDLE) await line.close();
      }
    }
  }
}

class Lease implements BmcDriver {
  readonly #line: Line;
  readonly #key: BmcKey;

  constructor(line: Line, key: BmcKey) {
    this.#line = line;
    this.#key = key;
  }

  observe(signal: AbortSignal): Promise<BmcObservation> {
    return this.#line.exchange(this.#key, (bmc) => bmc.observe(signal), signal);
  }

  setPower(want: "on" | "off", signal: AbortSignal): Promise<void> {
    return this.#line.exchange(this.#key, (bmc) => bmc.setPower(want, signal), signal);
  }

  shutdown(signal: AbortSignal): Promise<boolean> {
    return this.#line.exchange(this.#key, (bmc) => bmc.shutdown(signal), signal);
  }

  restart(signal: AbortSignal): Promise<void> {
    return this.#line.exchange(this.#key, (bmc) => bmc.restart(signal), signal);
  }

  bootOnce(target: BootTarget, mode: FirmwareMode, signal: AbortSignal): Promise<void> {
    return this.#line.exchange(this.#key, (bmc) => bmc.bootOnce(target, mode, signal), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
