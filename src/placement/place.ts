import type { TopologySpread } from "#api/placement.ts";
import { keyOf, type ObjectRef } from "#base/object.ts";
import type { Candidate } from "./candidate.ts";
import { isHopeless } from "./explain.ts";
import { filter, type Reason } from "./filter.ts";
import { byTurn, type Request } from "./request.ts";
import { byFit, scaleOf } from "./score.ts";
import { Census, domainOf, type Placed } from "./spread.ts";

/** All that one pass decides about. */
export interface Round {
  /** Claims that wait, in any order. */
  readonly requests: readonly Request[];
  readonly machines: readonly Candidate[];
  /** Claims that have a machine already, or are just getting it. */
  readonly placed: readonly Placed[];
  /** UIDs of machines that are promised to a claim, and not bound yet. */
  readonly reserved: ReadonlySet<string>;
}

/** Why a claim waits. */
export interface Verdict {
  /** Machines by why they were passed over. */
  readonly counts: ReadonlyMap<Reason, number>;
  /** Of how many. */
  readonly machines: number;
  /** The Machine that its machineRef names, by key: it is not measured against others. */
  readonly named: string | null;
  /**
   * Its place among those that some machine could serve one day; 1 is served first. Null: no machine
   * that there is will ever do.
   */
  readonly place: number | null;
}

export interface Outcome {
  /** By the claim's UID. */
  readonly assigned: ReadonlyMap<string, Candidate>;
  readonly waiting: ReadonlyMap<string, Verdict>;
  /** How many of those that wait have a place in the queue. */
  readonly queued: number;
}

/**
 * Gives machines to claims: in the order of the queue, each the best fit of what is left. Who finds
 * nothing waits, and those behind may take what it cannot use; nobody is pushed out. Pure.
 */
export function place(round: Round): Outcome {
  const assigned = new Map<string, Candidate>();
  const waiting = new Map<string, Verdict>();
  let queued = 0;
  const taken = new Set<string>(round.reserved);
  const census = new Census(round.placed);
  const shapeOf = shapes(round.machines);
  for (const request of round.requests.toSorted(byTurn)) {
    const shape = shapeOf(request);
    const { machine, refused } = choose(request, shape, taken, census);
    if (machine === undefined) {
      const counts = new Map([...shape.counts, ...refused]);
      const { machineRef } = request.spec;
      waiting.set(request.uid, {
        counts,
        machines: shape.machines,
        named: machineRef === undefined ? null : keyOf(machineRef),
        place: isHopeless({ counts }) ? null : ++queued,
      });
      continue;
    }
    assigned.set(request.uid, machine);
    taken.add(machine.uid);
    census.add({ namespace: request.namespace, labels: request.labels, machine });
  }
  return { assigned, waiting, queued };
}

/** How many machines a claim could take now. */
export function countFitting(request: Request, machines: readonly Candidate[]): number {
  return machines.filter((machine) => filter(machine, request) === null).length;
}

/** What all claims that ask alike have in common. */
interface Shape {
  /** Best fit first. */
  readonly fits: readonly Candidate[];
  readonly counts: ReadonlyMap<Reason, number>;
  readonly machines: number;
  /** Zones and racks that such claims could be in, also if all machines there are held now. */
  readonly domains: Readonly<Record<TopologySpread["topologyKey"], ReadonlySet<string>>>;
}

/** Claims of one pool ask alike: what fits is found out once for all of them. */
function shapes(machines: readonly Candidate[]): (request: Request) => Shape {
  const known = new Map<string, Shape>();
  const scale = scaleOf(machines);
  const byKey = new Map(machines.map((machine) => [machine.key, machine]));
  return (request) => {
    const { machineRef, selector, tolerations, requirements } = request.spec;
    const id = JSON.stringify([
      ...[machineRef, selector, tolerations, requirements],
      ...[[...request.zones], request.image],
    ]);
    const shape = known.get(id);
    if (shape !== undefined) return shape;
    const among = machineRef === undefined ? machines : named(byKey, machineRef);
    const made = shapeFor(request, among, scale);
    known.set(id, made);
    return made;
  };
}

function named(machines: ReadonlyMap<string, Candidate>, ref: ObjectRef): readonly Candidate[] {
  const machine = machines.get(keyOf(ref));
  return machine === undefined ? [] : [machine];
}

/** It would do, if it was not somebody's or on its way: spread counts with its zone and rack. */
const SERVES: ReadonlySet<Reason | null> = new Set<Reason | null>([null, "Held", "NotReady"]);

function shapeFor(
  request: Request,
  machines: readonly Candidate[],
  scale: ReturnType<typeof scaleOf>,
): Shape {
  const fits: Candidate[] = [];
  const counts = new Map<Reason, number>();
  const domains = { Zone: new Set<string>(), Rack: new Set<string>() };
  for (const machine of machines) {
    const reason = filter(machine, request);
    if (reason === null) fits.push(machine);
    else counts.set(reason, (counts.get(reason) ?? 0) + 1);
    if (!SERVES.has(reason)) continue;
    for (const key of ["Zone", "Rack"] as const) {
      const domain = domainOf(machine, key);
      if (domain !== undefined) domains[key].add(domain);
    }
  }
  return { fits: byFit(fits, request.need, scale), counts, machines: machines.length, domains };
}

interface Choice {
  readonly machine: Candidate | undefined;
  /** Machines that would have fitted. */
  readonly refused: ReadonlyMap<Reason, number>;
}

function choose(
  request: Request,
  { fits, domains }: Shape,
  taken: ReadonlySet<string>,
  census: Census,
): Choice {
  const refused = new Map<Reason, number>();
  const refuse = (reason: Reason): void => void refused.set(reason, (refused.get(reason) ?? 0) + 1);
  const spread = spreadOf(request, domains, census);
  let best: { readonly machine: Candidate; readonly skew: number } | undefined;
  for (const machine of fits) {
    if (taken.has(machine.uid)) {
      refuse("Reserved");
      continue;
    }
    if (!spread.mayBe(machine)) {
      refuse("Spread");
      continue;
    }
    const skew = spread.wished(machine);
    if (skew === 0) return { machine, refused };
    if (best === undefined || skew < best.skew) best = { machine, skew };
  }
  return { machine: best?.machine, refused };
}

/** What spreading says of a machine. */
interface SpreadView {
  readonly mayBe: (machine: Candidate) => boolean;
  /** How uneven it would become where evenness is only wished for. */
  readonly wished: (machine: Candidate) => number;
}

function spreadOf(request: Request, domains: Shape["domains"], census: Census): SpreadView {
  const rulers = (request.spec.topologySpread ?? []).map((constraint) => ({
    ...constraint,
    skew: census.ruler(request, constraint, domains[constraint.topologyKey]),
  }));
  const musts = rulers.filter(({ whenUnsatisfiable }) => whenUnsatisfiable !== "ScheduleAnyway");
  const wishes = rulers.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === "ScheduleAnyway");
  const capped = (skew: number): number => Math.min(Math.max(0, skew), UNKNOWN_RACK);
  return {
    mayBe: (machine) => musts.every(({ skew, maxSkew = 1 }) => skew(machine) <= maxSkew),
    wished: (machine) => wishes.reduce((sum, { skew }) => sum + capped(skew(machine)), 0),
  };
}

/** Worse than any known rack, and still to be had. */
const UNKNOWN_RACK = 1_000_000;
