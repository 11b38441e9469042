import type { Clock } from "#base/clock.ts";
import { Failure } from "#base/failure.ts";
import type { Log } from "#base/log.ts";
import { Breaker } from "./breaker.ts";
import { Budget, type Limits } from "./budget.ts";
import type { Credentials } from "./credentials.ts";
import type { BmcDriver } from "./driver.ts";
import { type Gate, notLeader } from "./gate.ts";
import type { openBmc } from "./open.ts";
import { Serial } from "./serial.ts";
import type { TlsPolicy } from "./tls.ts";

/** Which BMC, and how to speak to it. */
export interface BmcKey {
  /** `spec.bmc.address` */
  readonly address: string;
  readonly credentials: Credentials;
  /** Changes whenever the Secret does, e.g. its resourceVersion. */
  readonly credentialsVersion: string;
  readonly tls: TlsPolicy;
}

export interface LineDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly mayAsk: () => boolean;
  readonly userAgent?: string;
  readonly limits: Limits;
  readonly open: typeof openBmc;
}

interface Open {
  readonly driver: BmcDriver;
  /** The last that it served: with the pin, once what it pinned by itself was recorded. */
  key: BmcKey;
  /** The certificate that it pinned by itself. */
  fingerprint: string | null;
}

const REFUSALS = 2; // some BMCs lock the account after three

/** The one way to a BMC: what is known of how it behaved, and the connection while there is one. */
export class Line {
  /** Milliseconds since the epoch. */
  usedAt: number;
  readonly #deps: LineDeps;
  readonly #serial = new Serial();
  readonly #breaker = new Breaker();
  readonly #budget: Budget;
  #open: Open | null = null;
  #refused: { readonly version: string; readonly times: number } = { version: "", times: 0 };

  constructor(deps: LineDeps) {
    this.#deps = deps;
    this.#budget = new Budget(deps.limits, deps.clock);
    this.usedAt = deps.clock.now();
  }

  /** One exchange in its turn, unless the BMC is to be left alone: then it rejects at once. */
  exchange<T>(
    key: BmcKey,
    work: (driver: BmcDriver) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    return this.#serial.run(async () => {
      this.usedAt = this.#deps.clock.now();
      this.#check(key);
      const open = await this.#driver(key);
      try {
        const result = await work(open.driver);
        this.#succeeded(open, result);
        return result;
      } catch (error) {
        this.#failed(key, error, signal);
        throw error;
      }
    }, signal);
  }

  /** Logs out and hangs up, after what is under way. What is known of the BMC stays. */
  async close(): Promise<void> {
    await this.#serial.run(() => this.#hangUp(), new AbortController().signal);
  }

  #check({ credentialsVersion }: BmcKey): void {
    const { version, times } = this.#refused;
    if (version === credentialsVersion && times >= REFUSALS) {
      const text = `refused ${times} times; not tried again until the Secret changes`;
      throw new Failure("BmcCredentialsRejected", text);
    }
    this.#breaker.check(this.#deps.clock.now());
  }

  async #driver(key: BmcKey): Promise<Open> {
    if (this.#open !== null && !serves(this.#open, key)) await this.#hangUp();
    const { open } = this.#deps;
    const deps = { ...this.#deps, gate: this.#gate };
    this.#open ??= {
      driver: open(key.address, key.credentials, key.tls, deps),
      key,
      fingerprint: null,
    };
    this.#open.key = key;
    return this.#open;
  }

  async #hangUp(): Promise<void> {
    const driver = this.#open?.driver;
    this.#open = null;
    await driver?.[Symbol.asyncDispose]();
  }

  readonly #gate: Gate = async (_, signal) => {
    await this.#budget.take(signal);
    if (!this.#deps.mayAsk()) throw notLeader();
  };

  #succeeded(open: Open, result: unknown): void {
    this.#breaker.answered();
    this.#refused = { version: "", times: 0 };
    const shown = typeof result === "object" && result !== null && "fingerprint" in result;
    if (shown && typeof result.fingerprint === "string") open.fingerprint = result.fingerprint;
  }

  #failed({ credentialsVersion, address }: BmcKey, error: unknown, signal: AbortSignal): void {
    if (!(error instanceof Failure)) return;
    const { reason, message } = error;
    this.#deps.log.debug({ bmc: address, reason, message }, "a BMC exchange failed");
    if (reason === "BmcUnreachable") {
      if (!calledOff(signal)) this.#breaker.failed(this.#deps.clock.now());
    } else if (reason !== "NotLeader") {
      this.#breaker.answered();
    }
    if (reason === "BmcCredentialsRejected") {
      const { version, times } = this.#refused;
      const before = version === credentialsVersion ? times : 0;
      this.#refused = { version: credentialsVersion, times: before + 1 };
    }
  }
}

/** Given up by the caller for its own reasons; a spent deadline is the BMC's doing. */
const calledOff = ({ aborted, reason }: AbortSignal): boolean =>
  aborted && !(reason instanceof DOMException && reason.name === "TimeoutError");

/**
 * Whether what is open serves the key: it did so before, or has pinned by itself what was recorded
 * since. A pin that is taken away again is a person's word for another certificate: it hangs up.
 */
function serves({ key: old, fingerprint }: Open, key: BmcKey): boolean {
  if (old.credentialsVersion !== key.credentialsVersion) return false;
  if (JSON.stringify(old.tls) === JSON.stringify(key.tls)) return true;
  const wasFirst = old.tls.mode === "PinOnFirstUse" && old.tls.pin === null;
  return wasFirst && key.tls.mode === "PinOnFirstUse" && key.tls.pin === fingerprint;
}
