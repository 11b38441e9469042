import type { HardwareProfile } from "#api/hardware-profile.ts";
import type { Machine } from "#api/machine.ts";
import type { Cache } from "#kube/cache.ts";
import { type Candidate, candidateOf } from "#placement/candidate.ts";
import { profileOf } from "./hardware-profile/reconcile.ts";
import { claimOf } from "./machine/evidence.ts";

/** Machines as placement sees them: each is looked at once, until it or a profile changes. */
export class Candidates {
  readonly #cache: Pick<Cache<HardwareProfile>, "list">;
  #profiles: readonly HardwareProfile[] = [];
  #version = "";
  #known = new WeakMap<Machine, Candidate>();

  constructor(profiles: Pick<Cache<HardwareProfile>, "list">) {
    this.#cache = profiles;
  }

  /** Takes in which profiles there are now: before many machines are compared. */
  refresh(): void {
    const profiles = [...this.#cache.list()];
    const version = profiles
      .map(({ metadata: { uid, generation } }) => `${uid} ${generation}`)
      .sort()
      .join();
    if (version === this.#version) return;
    this.#profiles = profiles;
    this.#version = version;
    this.#known = new WeakMap();
  }

  of(machine: Machine): Candidate {
    const known = this.#known.get(machine);
    if (known !== undefined) return known;
    const profile = machine.spec.profileRef ?? profileOf(machine, this.#profiles)?.metadata;
    const made = candidateOf(machine, {
      claimed: claimOf(machine) !== undefined,
      profile: profile?.name,
    });
    this.#known.set(machine, made);
    return made;
  }
}
