import type { Report } from "#api/agent.ts";
import type { Clock } from "#base/clock.ts";

type Step = NonNullable<Report["steps"]>[number];

/** Says how far a step is: percent, 0 to 100. */
export type Advance = (percent: number) => void;

const LOG_BYTES = 512;
const MESSAGE_CHARS = 256;

/** What a task has done so far, as its reports say it. */
export class Progress {
  readonly #clock: Clock;
  readonly #changed: () => void;
  #steps: readonly Step[] = [];
  #log = "";

  /** @param changed called when a step begins or ends, not for each percent */
  constructor(clock: Clock, changed: () => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  /** Runs a step; what it throws goes on to the caller. */
  async step<T>(name: string, work: (advance: Advance) => Promise<T>): Promise<T> {
    const index = this.#steps.length;
    const begun: Step = { name, state: "Running", startedAt: this.#now() };
    this.#put(index, begun);
    this.#changed();
    try {
      const value = await work((percent) => {
        this.#put(index, { ...begun, progressPercent: whole(percent) });
      });
      this.#end(index, "Succeeded");
      return value;
    } catch (error) {
      this.#end(index, "Failed", String(error instanceof Error ? error.message : error));
      throw error;
    }
  }

  /** A line for the log's tail. Never a secret. */
  note(line: string): void {
    this.#log = tail(`${this.#log}${line}\n`);
  }

  /** As it stands. */
  get now(): Pick<Report, "steps" | "logTail"> {
    return {
      ...(this.#steps.length === 0 ? {} : { steps: [...this.#steps] }),
      ...(this.#log === "" ? {} : { logTail: this.#log }),
    };
  }

  #end(index: number, state: "Succeeded" | "Failed", message?: string): void {
    const { progressPercent: _, ...step } = this.#steps[index] as Step;
    const said = message === undefined ? {} : { message: message.slice(0, MESSAGE_CHARS) };
    this.#put(index, { ...step, state, finishedAt: this.#now(), ...said });
    this.#changed();
  }

  #put(index: number, step: Step): void {
    this.#steps = [...this.#steps.slice(0, index), step, ...this.#steps.slice(index + 1)];
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}

const whole = (percent: number): number => Math.max(0, Math.min(100, Math.floor(percent)));

/** The last bytes of a text, from a whole character on. */
function tail(text: string): string {
  const bytes = Buffer.from(text);
  let start = Math.max(0, bytes.length - LOG_BYTES);
  while (((bytes[start] ?? 0) & 0xc0) === 0x80) start++; // inside a character (RFC 3629 section 3)
  return bytes.subarray(start).toString();
}
