import type { Clock } from "#base/clock.ts";
import { type Duration, seconds } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import type { ObjectRef } from "#base/object.ts";
import { isConflict, type KubeClient } from "./client.ts";
import { LEASES, type Lease, LeaseAges, type LeaseSpec, microTime } from "./lease.ts";
import type { RuntimeMetrics } from "./metrics.ts";

/** Whether this process may act. Ask before each effect that a second leader must not repeat. */
export interface Leadership {
  /** False as soon as the last renewal is older than the renew deadline, whatever the API says. */
  isLeader(): boolean;
  /** Throws {@link NotLeader} unless {@link isLeader}. For the line before a BMC write. */
  fence(): void;
}

/** Another replica leads, or may do so by now. Not a failure of the machine: drop the work. */
export class NotLeader extends Error {
  override readonly name = "NotLeader";

  constructor() {
    super("this replica does not hold the Lease (any more)");
  }
}

export interface ElectorOptions {
  readonly client: KubeClient;
  readonly lease: ObjectRef;
  /** Differs between any two processes, also between one and its successor. */
  readonly identity: string;
  readonly clock: Clock;
  /** Milliseconds that never go back, e.g. performance.now: a set clock must not prolong a lead. */
  readonly monotonic: () => number;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: RuntimeMetrics;
  /** Others wait for so long after our last renewal. Default 15 s. */
  readonly leaseDuration?: Duration;
  /** We stop so long after it; the rest is for what was sent just before. Default 10 s. */
  readonly renewDeadline?: Duration;
  /** Default 2 s. */
  readonly retryPeriod?: Duration;
}

/** One leader by a Lease, as client-go elects it: replicas of either kind understand each other. */
export class Elector implements Leadership {
  readonly #options: Required<ElectorOptions>;
  readonly #ages: LeaseAges;
  #lease: Lease | null = null;
  /** When the request was sent that renewed the Lease; null while we do not hold it. */
  #renewedAt: number | null = null;

  constructor(options: ElectorOptions) {
    this.#options = {
      leaseDuration: seconds(15),
      renewDeadline: seconds(10),
      retryPeriod: seconds(2),
      ...options,
    };
    this.#ages = new LeaseAges(options.monotonic);
  }

  isLeader(): boolean {
    return this.#left() > 0;
  }

  fence(): void {
    if (!this.isLeader()) throw new NotLeader();
  }

  /**
   * Stands for election until the signal comes, and calls `lead` each time that it is won. The
   * signal given to `lead` comes when the lead is lost or the process ends; the Lease is released,
   * and the next election begins, only when `lead` has returned. When it returns before its signal
   * came, or throws, the run is over.
   */
  async run(lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#acquire(signal);
      if (this.isLeader() && (await this.#reign(lead, signal)) === "done") return;
    }
  }

  async #acquire(signal: AbortSignal): Promise<void> {
    const { retryPeriod, random } = this.#options;
    while (!signal.aborted) {
      await this.#try(retryPeriod, signal);
      if (this.isLeader()) return;
      await this.#pause((retryPeriod * (1 + 0.2 * random())) as Duration, signal);
    }
  }

  async #reign(
    lead: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<"done" | "ended"> {
    const { lease, identity, log, metrics } = this.#options;
    const end = new AbortController();
    const stop = (): void => end.abort(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    metrics.leading(lease.name, true);
    log.info({ lease: lease.name, identity }, "leading");
    const renewing = this.#renew(end);
    try {
      await lead(end.signal);
      return end.signal.aborted ? "ended" : "done";
    } finally {
      end.abort(); // where lead ended of itself
      signal.removeEventListener("abort", stop);
      await renewing;
      metrics.leading(lease.name, false);
      log.info({ lease: lease.name, identity }, "no longer leading");
      await this.#release();
    }
  }

  /** Until the lead ends, and ends it when the deadline has passed. */
  async #renew(end: AbortController): Promise<void> {
    const { retryPeriod, renewDeadline } = this.#options;
    while (!end.signal.aborted) {
      await this.#pause(Math.min(retryPeriod, this.#left()) as Duration, end.signal);
      if (end.signal.aborted) return;
      if (this.isLeader()) await this.#try(Math.min(renewDeadline / 2, this.#left()), end.signal);
      if (!this.isLeader()) end.abort(new NotLeader());
    }
  }

  /** Milliseconds until we must stop, unless the Lease is renewed. */
  #left(): number {
    if (this.#renewedAt === null) return 0;
    return this.#renewedAt + this.#options.renewDeadline - this.#options.monotonic();
  }

  async #pause(time: Duration, signal: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(time, signal).catch(() => undefined);
  }

  /** One attempt to get or to renew the Lease, given up after `limit` milliseconds. */
  async #try(limit: number, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const done = new AbortController();
    const late = new AbortController();
    clock.sleep(limit as Duration, done.signal).then(
      () => late.abort(new Error("the API server is too slow for the Lease")),
      () => undefined,
    );
    try {
      await this.#acquireOrRenew(AbortSignal.any([signal, late.signal]));
    } catch (error) {
      if (isConflict(error)) log.info({ err: error }, "somebody else wrote the Lease");
      else if (!signal.aborted) log.warn({ err: error }, "cannot get or renew the Lease");
    } finally {
      done.abort();
    }
  }

  async #acquireOrRenew(signal: AbortSignal): Promise<void> {
    const { client, lease: ref, monotonic } = this.#options;
    // While we hold it nobody else writes it: what we wrote last is what is there.
    const known = this.isLeader() ? this.#lease : null;
    const lease = known ?? (await client.get<Lease>(LEASES, ref, signal));
    this.#lease = null; // until we know what came of the write
    if (lease !== null && !this.#mayTake(lease)) {
      this.#renewedAt = null;
      return;
    }
    const sentAt = monotonic();
    const written = await this.#write(lease, signal);
    if (written === null) return;
    this.#lease = written;
    this.#renewedAt = sentAt;
  }

  #mayTake(lease: Lease): boolean {
    return lease.spec.holderIdentity === this.#options.identity || this.#ages.isExpired(lease);
  }

  /** Null: somebody else was first. */
  async #write(lease: Lease | null, signal: AbortSignal): Promise<Lease | null> {
    const { client, lease: ref, identity, clock, leaseDuration } = this.#options;
    const now = microTime(clock.now());
    const mine = lease?.spec.holderIdentity === identity;
    const spec: LeaseSpec = {
      ...lease?.spec,
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.ceil(leaseDuration / 1_000)),
      renewTime: now,
      ...(!mine && {
        acquireTime: now,
        leaseTransitions: lease === null ? 0 : (lease.spec.leaseTransitions ?? 0) + 1,
      }),
    };
    return lease === null
      ? client.create<Lease>(LEASES, { metadata: { ...ref }, spec }, signal)
      : client.replace<Lease>(LEASES, { ...lease, spec }, {}, signal);
  }

  /** So that the next leader need not wait. The process may be ending: it has a second for this. */
  async #release(): Promise<void> {
    const { client, lease: ref, identity, clock, log } = this.#options;
    if (!this.isLeader()) return;
    this.#renewedAt = null;
    const signal = AbortSignal.timeout(1_000);
    try {
      const held = this.#lease ?? (await client.get<Lease>(LEASES, ref, signal));
      if (held?.spec.holderIdentity !== identity) return;
      const renewTime = microTime(clock.now());
      const spec = { ...held.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime };
      await client.replace<Lease>(LEASES, { ...held, spec }, {}, signal);
    } catch (error) {
      log.info({ err: error }, "the Lease was not released: it will run out");
    }
  }
}
