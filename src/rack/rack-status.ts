import { KINDS } from "#api/group.ts";
import type { Rack, RackStatus } from "#api/rack.ts";
import type { Clock } from "#base/clock.ts";
import { type Duration, seconds } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import type { KubeClient } from "#kube/client.ts";
import { statusWriter } from "#kube/status.ts";

export interface RackStatusDeps {
  readonly name: string;
  readonly zone: string;
  /** What it should say now. */
  readonly status: () => RackStatus;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Changes within so long are written together. */
  readonly debounce: Duration;
}

const AFTER_FAILURE = seconds(15);

/** Keeps this rack's own Rack object: makes it, and writes its status when that has changed. */
export class RackObject {
  readonly #deps: RackStatusDeps;
  #rack: Rack | null = null;

  constructor(deps: RackStatusDeps) {
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, debounce } = this.#deps;
    while (!signal.aborted) {
      let pause: Duration = debounce;
      try {
        await this.#write(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#rack = null; // read it anew
        pause = AFTER_FAILURE;
        log.warn({ err: error }, "cannot write the Rack's status");
      }
      await clock.sleep(pause, signal).catch(() => undefined);
    }
  }

  async #write(signal: AbortSignal): Promise<void> {
    const { client, zone } = this.#deps;
    this.#rack ??= await this.#make(signal);
    if (this.#rack.spec.zone !== zone) {
      throw new Error(`the Rack is of zone ${this.#rack.spec.zone}: give this one another name`);
    }
    const status = { ...this.#deps.status(), observedGeneration: this.#rack.metadata.generation };
    const write = statusWriter<Rack>({ client, resource: KINDS.rack });
    this.#rack = await write(this.#rack, withoutUndefined(status), signal);
  }

  async #make(signal: AbortSignal): Promise<Rack> {
    const { client, name, zone } = this.#deps;
    for (;;) {
      const there = await client.get<Rack>(KINDS.rack, { name }, signal);
      if (there !== null) return there;
      const made = await client.create<Rack>(
        KINDS.rack,
        { metadata: { name }, spec: { zone } },
        signal,
      );
      if (made !== null) return made;
    }
  }
}

const withoutUndefined = (status: RackStatus): RackStatus => JSON.parse(JSON.stringify(status));
