import { open } from "node:fs/promises";
import { stripVTControlCharacters } from "node:util";
import type { Clock } from "#base/clock.ts";
import { type Duration, seconds } from "#base/duration.ts";

export interface ConsoleLine {
  /** Milliseconds since the console was opened. */
  readonly at: number;
  readonly text: string;
}

const EVERY = seconds(0.05);
/** Follows the file that a machine's serial port is written to, and knows when each line came. */
export class SerialConsole implements AsyncDisposable {
  readonly #lines: ConsoleLine[] = [];
  readonly #stop = new AbortController();
  readonly #clock: Clock;
  readonly #start: number;
  readonly #following: Promise<void>;
  #rest = "";

  constructor(path: string, clock: Clock) {
    this.#clock = clock;
    this.#start = clock.now();
    this.#following = this.#follow(path);
  }

  get lines(): readonly ConsoleLine[] {
    return this.#lines;
  }

  /**
   * The first line from number `from` on that matches; a prompt without a line's end counts too.
   * Rejects with the signal's reason, its message followed by the last lines.
   */
  async waitFor(pattern: RegExp, from: number, signal: AbortSignal): Promise<ConsoleLine> {
    for (let next = from; ; ) {
      for (; next < this.#lines.length; next++) {
        const line = this.#lines[next];
        if (line !== undefined && pattern.test(line.text)) return line;
      }
      if (pattern.test(this.#rest)) return { at: this.#elapsed(), text: this.#rest };
      if (signal.aborted) throw new Error(this.#complaint(pattern), { cause: signal.reason });
      await this.#clock.sleep(EVERY, signal).catch(() => {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  #elapsed(): number {
    return this.#clock.now() - this.#start;
  }

  #complaint(pattern: RegExp): string {
    const last = this.#lines.slice(-15).map(({ at, text }) => `${(at / 1_000).toFixed(1)} ${text}`);
    return `the console never said ${pattern}; its last lines:\n${[...last, this.#rest].join("\n")}`;
  }

  async #follow(path: string): Promise<void> {
    await using file = await open(path, "a+");
    const buffer = Buffer.alloc(1 << 16);
    let position = 0;
    while (!this.#stop.signal.aborted) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      position += bytesRead;
      this.#take(buffer.toString("latin1", 0, bytesRead));
      if (bytesRead === 0) await pause(this.#clock, EVERY, this.#stop.signal);
    }
  }

  #take(text: string): void {
    const parts = (this.#rest + text).split("\n");
    this.#rest = parts.pop() ?? "";
    const at = this.#elapsed();
    for (const part of parts) this.#lines.push({ at, text: readable(part) });
  }
}

const pause = (clock: Clock, time: Duration, signal: AbortSignal): Promise<void> =>
  clock.sleep(time, signal).catch(() => {});

/** Without what terminals understand and people do not: colours, cursor moves, carriage returns. */
const readable = (text: string): string =>
  stripVTControlCharacters(text).replaceAll("\r", "").replaceAll("\0", "");
