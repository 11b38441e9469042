import type { Clock } from "#base/clock.ts";

/** Boots that are remembered at the same time; beyond it the oldest is forgotten. */
const MAX_BOOTS = 20_000;

/**
 * Which agent was the first to show a boot's token, so that a token is exchanged by one agent alone
 * also where no grant says which. In memory: each rack of a zone knows of its own, and one that was
 * restarted begins anew. It only narrows who may ask; what may be done to a disk, a grant says.
 */
export class BootKeys {
  readonly #clock: Pick<Clock, "now">;
  readonly #first = new Map<string, { readonly agentKey: string; readonly expires: number }>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Whether no other agent has shown this boot's token; the one who asks is remembered. */
  isFirst(
    { nonce, expires }: { readonly nonce: string; readonly expires: number },
    agentKey: string,
  ): boolean {
    const before = this.#first.get(nonce);
    if (before !== undefined) return before.agentKey === agentKey;
    this.#forgetOld();
    this.#first.set(nonce, { agentKey, expires });
    return true;
  }

  /** Tokens live equally long: those that came first have run out first. */
  #forgetOld(): void {
    const now = this.#clock.now();
    for (const [nonce, { expires }] of this.#first) {
      if (expires > now && this.#first.size < MAX_BOOTS) return;
      this.#first.delete(nonce);
    }
  }
}
