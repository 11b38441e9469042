import { randomBytes } from "node:crypto";
import type { Clock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";

interface Session {
  readonly id: string;
  used: number;
}

/** A BMC's session table: short, and slow to forget. */
export class Sessions {
  readonly #byToken = new Map<string, Session>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `null`: the table is full. */
  create(limit: number, timeout: Duration): { readonly id: string; readonly token: string } | null {
    this.#expire(timeout);
    if (this.#byToken.size >= limit) return null;
    const token = randomBytes(16).toString("hex");
    const id = randomBytes(4).toString("hex");
    this.#byToken.set(token, { id, used: this.#clock.now() });
    return { id, token };
  }

  /** Whether the token is good; using it keeps it so. */
  use(token: string, timeout: Duration): boolean {
    this.#expire(timeout);
    const session = this.#byToken.get(token);
    if (session !== undefined) session.used = this.#clock.now();
    return session !== undefined;
  }

  ids(): readonly string[] {
    return Array.from(this.#byToken.values(), ({ id }) => id);
  }

  delete(id: string): boolean {
    const [token] = Array.from(this.#byToken).find(([, session]) => session.id === id) ?? [];
    return token !== undefined && this.#byToken.delete(token);
  }

  /** As a restart of the BMC does. */
  clear(): void {
    this.#byToken.clear();
  }

  #expire(timeout: Duration): void {
    const oldest = this.#clock.now() - timeout;
    for (const [token, { used }] of this.#byToken) {
      if (used < oldest) this.#byToken.delete(token);
    }
  }
}
