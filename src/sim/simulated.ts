import { type Duration, seconds } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import type {
  BackEnd,
  BoardPower,
  BootDevice,
  BootOutcome,
  BootProgram,
  SimulatedMachine,
} from "./machine.ts";

/** At life's speed. */
export interface Timings {
  readonly powerOn: Duration;
  readonly powerOff: Duration;
  /** From power or reset to the first boot device. */
  readonly post: Duration;
  /** From the end of the boot order to its beginning. */
  readonly bootRetry: Duration;
}

export const LIFE: Timings = {
  powerOn: seconds(2),
  powerOff: seconds(2),
  post: seconds(60),
  bootRetry: seconds(30),
};

export interface SimulatedDeps {
  readonly boot: BootProgram;
  readonly timings: Timings;
  readonly log: Log;
}

/** A board without electricity: delays, POST, and a program in place of software. */
export class SimulatedBackEnd implements BackEnd {
  #power: BoardPower = "Off";
  /** Ended by a power-off or a reset; what runs under it then is the next one's business. */
  #session = new AbortController();
  #running: Promise<void> = Promise.resolve();
  readonly #machine: SimulatedMachine;
  readonly #deps: SimulatedDeps;

  constructor(machine: SimulatedMachine, deps: SimulatedDeps) {
    this.#machine = machine;
    this.#deps = deps;
  }

  get power(): BoardPower {
    return this.#power;
  }

  async powerOn(): Promise<void> {
    if (this.#power !== "Off") return;
    this.#power = "PoweringOn";
    this.#begin(async (signal) => {
      await this.#machine.wait(this.#deps.timings.powerOn, signal);
      this.#power = "On";
      await this.#runUntilOff(signal);
    });
  }

  async forceOff(): Promise<void> {
    if (this.#power === "Off" || this.#power === "PoweringOff") return;
    this.#power = "PoweringOff";
    this.#begin((signal) => this.#fall(signal));
  }

  async restart(): Promise<void> {
    if (this.#power === "On") this.#begin((signal) => this.#runUntilOff(signal));
  }

  /** Whatever runs on it obeys at once. */
  async shutDown(): Promise<void> {
    await this.forceOff();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#session.abort();
    this.#power = "Off";
    await this.#running;
  }

  #begin(life: (signal: AbortSignal) => Promise<void>): void {
    this.#session.abort();
    this.#session = new AbortController();
    const { signal } = this.#session;
    const before = this.#running; // ends at once: its signal is aborted
    this.#running = before
      .then(() => life(signal))
      .catch((error: unknown) => {
        if (signal.aborted) return;
        const { name: machine } = this.#machine;
        this.#deps.log.error({ err: error, machine }, "simulated software failed");
      });
  }

  async #fall(signal: AbortSignal): Promise<void> {
    this.#power = "PoweringOff";
    await this.#machine.wait(this.#deps.timings.powerOff, signal);
    this.#power = "Off";
  }

  async #runUntilOff(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#machine.wait(this.#deps.timings.post, signal);
      const outcome = await this.#boot(this.#machine.takeBootOrder(), signal);
      signal.throwIfAborted();
      if (outcome === "powerOff") return this.#fall(signal);
      if (outcome === "halt") return;
      if (outcome === "nextDevice") await this.#machine.wait(this.#deps.timings.bootRetry, signal);
    }
  }

  /** "nextDevice": none of them had anything to boot; firmware tries them all again, as most does. */
  async #boot(order: readonly BootDevice[], signal: AbortSignal): Promise<BootOutcome> {
    for (const device of order) {
      this.#machine.countBoot(device);
      const outcome = await this.#deps.boot(this.#machine, device, signal);
      signal.throwIfAborted();
      if (outcome !== "nextDevice") return outcome;
    }
    return "nextDevice";
  }
}
