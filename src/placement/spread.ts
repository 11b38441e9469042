import type { TopologySpread } from "#api/placement.ts";
import type { Candidate } from "./candidate.ts";
import { type Request, siblings } from "./request.ts";

type Labels = Readonly<Record<string, string>>;
type Key = TopologySpread["topologyKey"];

/** A claim that has its machine, as far as others spread around it. */
export interface Placed {
  readonly namespace: string;
  readonly labels: Labels;
  readonly machine: Pick<Candidate, "zone" | "rack">;
}

/** Where a machine is, in zones or racks; undefined: nobody said in which rack it stands. */
export function domainOf(
  { zone, rack }: Pick<Candidate, "zone" | "rack">,
  key: Key,
): string | undefined {
  if (key === "Zone") return zone;
  return rack === undefined ? undefined : `${zone}/${rack}`;
}

interface Group {
  readonly namespace: string;
  readonly labels: Labels;
  readonly key: Key;
  readonly counts: Map<string, number>;
}

/** How many claims of each kind there are in each zone and rack, as more and more are placed. */
export class Census {
  readonly #groups = new Map<string, Group>();
  readonly #placed: Placed[];

  constructor(placed: Iterable<Placed>) {
    this.#placed = [...placed];
  }

  add(placed: Placed): void {
    this.#placed.push(placed);
    for (const group of this.#groups.values()) count(group, placed);
  }

  /**
   * How many more than the emptiest domain a machine's one would have, with the claim in it.
   * Infinity: it is in none. `domains` are all that the claim could be in. Good until the next `add`.
   */
  ruler(
    request: Request,
    constraint: TopologySpread,
    domains: ReadonlySet<string>,
  ): (machine: Candidate) => number {
    const { labels, counts } = this.#group(request, constraint);
    let least = Number.POSITIVE_INFINITY;
    for (const each of domains) least = Math.min(least, counts.get(each) ?? 0);
    const self = isSubset(labels, request.labels) ? 1 : 0;
    return (machine) => {
      const domain = domainOf(machine, constraint.topologyKey);
      if (domain === undefined) return Number.POSITIVE_INFINITY;
      return (counts.get(domain) ?? 0) + self - least;
    };
  }

  #group(request: Request, { topologyKey: key, matchLabels }: TopologySpread): Group {
    const labels = matchLabels ?? siblings(request);
    const id = JSON.stringify([request.namespace, key, Object.entries(labels).sort()]);
    const known = this.#groups.get(id);
    if (known !== undefined) return known;
    const group = { namespace: request.namespace, labels, key, counts: new Map() };
    for (const placed of this.#placed) count(group, placed);
    this.#groups.set(id, group);
    return group;
  }
}

function count({ namespace, labels, key, counts }: Group, placed: Placed): void {
  if (placed.namespace !== namespace || !isSubset(labels, placed.labels)) return;
  const domain = domainOf(placed.machine, key);
  if (domain !== undefined) counts.set(domain, (counts.get(domain) ?? 0) + 1);
}

const isSubset = (wanted: Labels, labels: Labels): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);
