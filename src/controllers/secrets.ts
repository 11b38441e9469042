import { CORE } from "#api/group.ts";
import type { Clock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { type KubeObject, keyOf, type ObjectRef } from "#base/object.ts";
import type { KubeClient } from "#kube/client.ts";

/** A Secret; values are base64. */
export interface Secret extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

const AGE = seconds(30);

/**
 * Reads Secrets by name, each at most twice a minute: the operator may get those that are named, and
 * list none.
 */
export class SecretReader {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #seen = new Map<string, { readonly secret: Secret | null; readonly at: number }>();

  constructor(client: KubeClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Null: there is none. */
  async get(ref: ObjectRef, signal: AbortSignal): Promise<Secret | null> {
    const key = keyOf(ref);
    const now = this.#clock.now();
    const seen = this.#seen.get(key);
    // What is missing may be made at any moment; what is there is good for a while.
    if (seen !== undefined && seen.secret !== null && now - seen.at < AGE) return seen.secret;
    const secret = await this.#client.get<Secret>(CORE.secret, ref, signal);
    this.#seen.set(key, { secret, at: now });
    if (this.#seen.size > MOST) this.#seen.delete(this.#seen.keys().next().value ?? "");
    return secret;
  }
}

const MOST = 20_000;

/** One value in clear; undefined: the Secret has no such key. */
export function textOf({ data }: Secret, key: string): string | undefined {
  const value = data?.[key];
  return value === undefined ? undefined : Buffer.from(value, "base64").toString("utf8");
}
