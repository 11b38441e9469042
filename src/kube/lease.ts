import type { Clock } from "#base/clock.ts";
import { type Duration, seconds } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import { type KubeObject, keyOf, type ObjectMeta, type Resource } from "#base/object.ts";
import { isNotFound, type KubeClient } from "./client.ts";

export interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

export type Lease = KubeObject<LeaseSpec>;

export const LEASES: Resource = {
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  plural: "leases",
  namespaced: true,
};

/** `metav1.MicroTime`: the API server refuses anything but six digits. */
export const microTime = (now: number): string => new Date(now).toISOString().replace(/Z$/, "000Z");

/**
 * Judges Leases by our own clock, from the moment that we saw them change: no two machines' clocks
 * are compared. A Lease that is seen for the first time is fresh.
 */
export class LeaseAges {
  readonly #monotonic: () => number;
  readonly #seen = new Map<string, { readonly version: string; readonly at: number }>();

  /** @param monotonic milliseconds that never go back, e.g. performance.now */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** To be told of each change; {@link isExpired} tells itself. */
  observe({ metadata }: Lease): void {
    const { resourceVersion: version } = metadata;
    const key = keyOf(metadata);
    if (this.#seen.get(key)?.version === version) return;
    this.#seen.set(key, { version, at: this.#monotonic() });
  }

  forget(key: string): void {
    this.#seen.delete(key);
  }

  /** Whether its holder gave it up, or did not renew it for as long as it had promised to. */
  isExpired(lease: Lease): boolean {
    this.observe(lease);
    const { holderIdentity = "", leaseDurationSeconds = 0 } = lease.spec;
    const since = this.#seen.get(keyOf(lease.metadata))?.at ?? 0;
    return holderIdentity === "" || this.#monotonic() - since >= seconds(leaseDurationSeconds);
  }
}

export interface HeartbeatOptions {
  readonly client: KubeClient;
  /** Its namespace must be there. */
  readonly metadata: Pick<ObjectMeta, "name" | "namespace" | "labels" | "ownerReferences">;
  readonly holder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Default 10 s. */
  readonly interval?: Duration;
  /** For how long one renewal is good. Default 40 s: three may be missed. */
  readonly duration?: Duration;
}

/** Renews a Lease that nobody else wants: the sign of life of its holder. Ends with the signal. */
export async function heartbeat(options: HeartbeatOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, metadata, interval = seconds(10) } = options;
  while (!signal.aborted) {
    try {
      await beat(options, signal);
    } catch (error) {
      if (!signal.aborted) log.warn({ err: error, lease: metadata.name }, "cannot renew the Lease");
    }
    await clock.sleep(interval, signal).catch(() => undefined);
  }
}

async function beat(options: HeartbeatOptions, signal: AbortSignal): Promise<void> {
  const { client, metadata, holder, clock, duration = seconds(40) } = options;
  const spec: LeaseSpec = {
    holderIdentity: holder,
    leaseDurationSeconds: duration / 1_000,
    renewTime: microTime(clock.now()),
  };
  try {
    await client.mergePatch<Lease>(LEASES, metadata, { spec }, {}, signal);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await client.create<Lease>(LEASES, { metadata, spec }, signal);
  }
}
