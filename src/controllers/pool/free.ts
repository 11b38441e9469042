import type { HardwareProfile } from "#api/hardware-profile.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { MachinePool } from "#api/machine-pool.ts";
import type { OSImage } from "#api/os-image.ts";
import type { Zone } from "#api/zone.ts";
import type { KubeObject } from "#base/object.ts";
import { isSame } from "#base/same.ts";
import { Candidates } from "#controllers/candidates.ts";
import type { Cache } from "#kube/cache.ts";
import { filter } from "#placement/filter.ts";
import { admits, requestOf } from "#placement/request.ts";

export interface FreeCaches {
  readonly machines: Cache<Machine>;
  readonly zones: Cache<Zone>;
  readonly images: Cache<OSImage>;
  readonly profiles: Cache<HardwareProfile>;
  readonly namespaces: Cache<KubeObject>;
}

/** Counts the machines that a pool's claims could take now, as if nobody else waited for them. */
export class FreeMachines {
  readonly #caches: FreeCaches;
  readonly #candidates: Candidates;

  constructor(caches: FreeCaches) {
    this.#caches = caches;
    this.#candidates = new Candidates(caches.profiles);
  }

  count(pool: MachinePool): number {
    const { machines, images } = this.#caches;
    const { spec } = pool.spec.template;
    const image = spec.deploy && images.get(spec.deploy.imageRef.name);
    if (spec.deploy !== undefined && image === undefined) return 0;
    const request = requestOf(claimLike(pool), this.#zonesFor(pool.metadata.namespace), image);
    this.#candidates.refresh();
    let count = 0;
    for (const machine of machines.list()) {
      if (filter(this.#candidates.of(machine), request) === null) count++;
    }
    return count;
  }

  /** Whether the change may make it count otherwise. */
  matters(now: Machine | undefined, before: Machine | undefined): boolean {
    if (now === undefined || before === undefined) return true;
    return !isSame(this.#candidates.of(now), this.#candidates.of(before));
  }

  #zonesFor(namespace = ""): ReadonlySet<string> {
    const { zones, namespaces } = this.#caches;
    const labels = namespaces.get(namespace)?.metadata.labels;
    const open = [...zones.list()].filter((zone) => admits(zone, namespace, labels));
    return new Set(open.map(({ metadata }) => metadata.name));
  }
}

/** The next claim of the pool. */
const claimLike = ({ metadata, spec: { template } }: MachinePool): MachineClaim => ({
  metadata: { ...metadata, labels: template.metadata?.labels ?? {} },
  spec: template.spec,
});
