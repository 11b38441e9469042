import { Failure, type FailureReason } from "#base/failure.ts";
import type { BmcDriver, BmcObservation, BootTarget, FirmwareMode } from "#bmc/driver.ts";

const OFF: BmcObservation = {
  power: "off",
  systemUuid: "4c4c4544-0035-5810-8054-b3c04f4d4431",
  serial: "SN-1",
  manufacturer: "Steelyard",
  model: "Fake",
  fingerprint: null,
};

/** A BMC in memory that keeps the same promises as a real one. Look at it; script nothing. */
export class FakeBmc implements BmcDriver {
  /** What the next read tells. A test changes it as a person at the rack would. */
  now: BmcObservation;
  /** While it is set, each method fails with this reason. */
  failing: FailureReason | null = null;
  /** What becomes of a graceful shutdown: it ends, it goes on, or the BMC offers no such thing. */
  system: "obeys" | "hangs" | "unaskable" = "obeys";
  /** Everything that had an effect, oldest first. */
  readonly trace: string[] = [];
  /** How often it was asked anything. */
  exchanges = 0;
  readonly #note: (what: string) => void | Promise<void>;

  /**
   * @param differs from a machine that is off and says who it is
   * @param note hears of everything that has an effect
   */
  constructor(
    differs: Partial<BmcObservation> = {},
    note: (what: string) => void | Promise<void> = () => {},
  ) {
    this.now = { ...OFF, ...differs };
    this.#note = note;
  }

  async observe(signal: AbortSignal): Promise<BmcObservation> {
    this.#exchange(signal);
    return this.now;
  }

  async setPower(want: "on" | "off", signal: AbortSignal): Promise<void> {
    this.#exchange(signal);
    if (this.now.power !== want) await this.#effect(`power ${want}`, want);
  }

  async shutdown(signal: AbortSignal): Promise<boolean> {
    this.#exchange(signal);
    if (this.now.power !== "on" || this.system === "unaskable") return this.system !== "unaskable";
    await this.#effect("shutdown", this.system === "obeys" ? "off" : "on");
    return true;
  }

  async restart(signal: AbortSignal): Promise<void> {
    this.#exchange(signal);
    if (this.now.power === "on") await this.#effect("restart", "on");
  }

  async bootOnce(target: BootTarget, mode: FirmwareMode, signal: AbortSignal): Promise<void> {
    this.#exchange(signal);
    if (this.now.power === "off") await this.#effect(`boot ${target} ${mode}`, "on");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#note("close");
  }

  #exchange(signal: AbortSignal): void {
    if (signal.aborted) throw new Failure("BmcUnreachable", "given up before it was asked");
    this.exchanges += 1;
    if (this.failing !== null) throw new Failure(this.failing, `the fake fails: ${this.failing}`);
  }

  async #effect(what: string, power: "on" | "off"): Promise<void> {
    this.now = { ...this.now, power };
    this.trace.push(what);
    await this.#note(what);
  }
}
