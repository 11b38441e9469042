import type { Log } from "#base/log.ts";

/** Keeps what was logged, by level and message. */
export class FakeLog {
  readonly lines: string[] = [];
  readonly log: Log;

  constructor() {
    const at =
      (level: string) =>
      (fields: unknown, message?: string): void => {
        this.lines.push(`${level} ${message ?? String(fields)}`);
      };
    this.log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  }
}
