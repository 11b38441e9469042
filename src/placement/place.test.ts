import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TopologySpread } from "#api/placement.ts";
import { candidate, request } from "#test/fakes/placement.ts";
import type { Candidate } from "./candidate.ts";
import { explain, isHopeless, remedy } from "./explain.ts";
import { filter } from "./filter.ts";
import { type Outcome, place, type Round } from "./place.ts";
import { byTurn, type Request } from "./request.ts";

const round = (given: Partial<Round>): Round => ({
  requests: [],
  machines: [],
  placed: [],
  reserved: new Set(),
  ...given,
});

/** "claim → machine" by short names. */
const told = ({ assigned }: Outcome): Record<string, string> =>
  Object.fromEntries([...assigned].map(([uid, { uid: to }]) => [uid.slice(4), to.slice(4)]));

const cpus = (count: number): Partial<Candidate> => ({ hardware: { cpus: count } });
const minCPUs = (count: number) => ({ requirements: { minCPUs: count } });
const over = (given: Partial<TopologySpread> = {}) => ({
  topologySpread: [
    { topologyKey: "Zone", maxSkew: 1, whenUnsatisfiable: "DoNotSchedule", ...given } as const,
  ],
});

describe("placement", () => {
  it("gives the machine of which the least is left over", () => {
    const machines = [candidate("big", cpus(64)), candidate("fit", cpus(32)), candidate("small")];
    const outcome = place(round({ machines, requests: [request("c", minCPUs(20))] }));
    expect(told(outcome)).toEqual({ c: "fit" });
  });

  it("keeps a GPU machine for who asks for GPUs, as long as another fits", () => {
    const gpu = candidate("gpu", { hardware: { gpus: 8, cpus: 1 } });
    const requests = [request("a"), request("b")];
    expect(told(place(round({ machines: [gpu, candidate("big", cpus(512))], requests })))).toEqual({
      a: "big",
      b: "gpu",
    });
  });

  it("takes of equal machines the warm one, and else the first by name", () => {
    const machines = [candidate("y"), candidate("x"), candidate("z", { warm: true })];
    const requests = ["a", "b", "c"].map((name) => request(name));
    expect(told(place(round({ machines, requests })))).toEqual({ a: "z", b: "x", c: "y" });
  });

  it("serves by priority, then age, then UID", () => {
    const requests = [
      request("young", {}, { createdAt: "2026-01-02T00:00:00Z" }),
      request("b"),
      request("a"),
      request("first", { priority: 1 }, { createdAt: "2026-01-03T00:00:00Z" }),
    ];
    const machines = [candidate("m", { availability: "held" })];
    const outcome = place(round({ machines, requests }));
    expect([...outcome.waiting].map(([uid, { place: at }]) => `${at} ${uid.slice(4)}`)).toEqual([
      "1 first",
      "2 a",
      "3 b",
      "4 young",
    ]);
  });

  it("gives a place in the queue to those alone that a machine could serve one day", () => {
    const machines = [candidate("m", { availability: "held" })];
    const requests = [
      request("huge", { ...minCPUs(999), priority: 9 }),
      request("a"),
      request("b"),
    ];
    const outcome = place(round({ machines, requests }));
    const places = [...outcome.waiting].map(([uid, { place: at }]) => `${at} ${uid.slice(4)}`);
    expect(places).toEqual(["null huge", "1 a", "2 b"]);
    expect(outcome.queued).toBe(2);
  });

  it("lets a later claim take what an earlier one cannot use", () => {
    const requests = [request("huge", { ...minCPUs(999), priority: 9 }), request("modest")];
    const outcome = place(round({ requests, machines: [candidate("m")] }));
    expect(told(outcome)).toEqual({ modest: "m" });
  });

  it("gives nobody what is promised already", () => {
    const machines = [candidate("m")];
    const outcome = place(
      round({ machines, requests: [request("c")], reserved: new Set(["uid-m"]) }),
    );
    expect([...(outcome.waiting.get("uid-c")?.counts ?? [])]).toEqual([["Reserved", 1]]);
  });

  it("gives a claim that names a machine that one or none", () => {
    const machines = [candidate("a"), candidate("b"), candidate("c", { availability: "held" })];
    const naming = (name: string) => request(name, { machineRef: { namespace: "lab", name } });
    const outcome = place(
      round({ machines, requests: [naming("b"), naming("c"), naming("gone")] }),
    );
    expect(told(outcome)).toEqual({ b: "b" });
    const why = [...outcome.waiting.values()].map(explain);
    expect(why).toEqual(["0 of 1 machine fits: 1 is held.", "There is no Machine lab/gone."]);
    const gone = outcome.waiting.get("uid-gone");
    expect(gone && remedy(gone)).toBe("correct spec.machineRef, or enrol that Machine.");
  });

  it("counts why machines were passed over, the most frequent reason first", () => {
    const machines = [
      ...[1, 2, 3].map((n) =>
        candidate(`cordoned-${n}`, { ...cpus(99), availability: "cordoned" }),
      ),
      ...Array.from({ length: 12 }, (_, n) => candidate(`small-${n}`)),
      candidate("held", { ...cpus(99), availability: "held" }),
    ];
    const { waiting } = place(round({ machines, requests: [request("c", minCPUs(50))] }));
    const verdict = waiting.get("uid-c");
    expect(verdict && explain(verdict)).toBe(
      "0 of 16 machines fit: 12 lack CPUs, 3 are cordoned, 1 is held.",
    );
    expect(verdict && isHopeless(verdict)).toBe(false);
  });

  it("knows when waiting does not help", () => {
    const { waiting } = place(
      round({ machines: [candidate("m")], requests: [request("c", minCPUs(50))] }),
    );
    const verdict = waiting.get("uid-c");
    expect(verdict && isHopeless(verdict)).toBe(true);
  });

  it.each([
    { what: "of what is in shut zones", given: { zone: "shut" }, help: "spec.claimNamespaces" },
    {
      what: "of what has other labels",
      spec: { selector: { matchLabels: { a: "b" } } },
      help: "spec.selector",
    },
    { what: "of what is too small", spec: minCPUs(50), help: "ask for less" },
    {
      what: "of another model",
      spec: { requirements: { model: "X" } },
      help: "requirements.manufacturer and model",
    },
  ])("advises by what is in the way of most machines: $what", ({ given = {}, spec = {}, help }) => {
    const machines = ["m", "n"].map((name) => candidate(name, given));
    const small = candidate("small", {
      zone: "b",
      hardware: { cpus: 1 },
      availability: "deleting",
    });
    const { waiting } = place(
      round({ machines: [...machines, small], requests: [request("c", spec)] }),
    );
    const verdict = waiting.get("uid-c");
    expect(verdict && isHopeless(verdict)).toBe(true);
    expect(verdict && remedy(verdict)).toContain(help);
  });

  it("says that there are no machines at all where none is named", () => {
    const verdict = place(round({ requests: [request("c")] })).waiting.get("uid-c");
    expect(verdict && [explain(verdict), remedy(verdict)]).toEqual([
      "There are no machines.",
      "enrol machines.",
    ]);
  });
});

describe("topologySpread", () => {
  const inZone = (zone: string, count: number, rack = "r1"): Candidate[] =>
    Array.from({ length: count }, (_, n) => candidate(`${zone}${rack}${n}`, { zone, rack }));
  const zonesOf = ({ assigned }: Outcome): string =>
    [...assigned.values()]
      .map(({ zone }) => zone)
      .sort()
      .join("");
  const four = (spec: Parameters<typeof request>[1]): Request[] =>
    ["1", "2", "3", "4"].map((name) => request(name, spec));

  it("keeps zones even, and rather lets a claim wait", () => {
    const machines = [...inZone("a", 9), ...inZone("b", 1)];
    const outcome = place(round({ machines, requests: four(over()) }));
    expect(zonesOf(outcome)).toBe("aab");
    expect([...outcome.waiting.values()].map(explain)).toEqual([
      "0 of 10 machines fit: 7 would break topologySpread, 3 go to claims before this one.",
    ]);
  });

  it("lets zones differ by maxSkew", () => {
    const machines = [...inZone("a", 9), ...inZone("b", 1)];
    expect(zonesOf(place(round({ machines, requests: four(over({ maxSkew: 2 })) })))).toBe("aaab");
  });

  it("takes what there is where evenness is only wished for", () => {
    const machines = [...inZone("a", 9), ...inZone("b", 1)];
    const requests = four(over({ whenUnsatisfiable: "ScheduleAnyway" }));
    expect(zonesOf(place(round({ machines, requests })))).toBe("aaab");
  });

  it("counts claims that were placed before", () => {
    const [a] = inZone("a", 1);
    const placed = a === undefined ? [] : [{ namespace: "shop", labels: {}, machine: a }];
    const machines = [...inZone("a", 3).slice(1), ...inZone("b", 3)];
    expect(zonesOf(place(round({ machines, placed, requests: [request("c", over())] })))).toBe("b");
  });

  it("counts only claims of the same pool", () => {
    const [a] = inZone("a", 1);
    const labels = { "steelyard.dev/pool": "other" };
    const placed = a === undefined ? [] : [{ namespace: "shop", labels, machine: a }];
    const mine = request("c", over(), { labels: { "steelyard.dev/pool": "mine", hash: "1" } });
    const machines = [...inZone("a", 3).slice(1), ...inZone("b", 3)];
    expect(zonesOf(place(round({ machines, placed, requests: [mine] })))).toBe("a");
  });

  it("takes racks of the same name in different zones for different ones", () => {
    const machines = [...inZone("a", 2, "r1"), ...inZone("b", 2, "r1")];
    const outcome = place(round({ machines, requests: four(over({ topologyKey: "Rack" })) }));
    expect(zonesOf(outcome)).toBe("aabb");
  });

  it("does not place a claim that spreads over racks where nobody said the rack", () => {
    const requests = [request("c", over({ topologyKey: "Rack" }))];
    const machines = [candidate("m", { rack: undefined })];
    expect(place(round({ machines, requests })).assigned.size).toBe(0);
  });

  it("counts a zone whose machines are all held, so that the others do not overflow", () => {
    const machines = [
      ...inZone("a", 3),
      ...inZone("b", 1).map((one) => ({ ...one, availability: "held" }) as const),
    ];
    expect(zonesOf(place(round({ machines, requests: four(over()) })))).toBe("a");
  });
});

const SERVING: ReadonlySet<string | null> = new Set([null, "Held", "NotReady"]);

/** How many more are where `got` is than where there are the fewest; counted anew, the slow way. */
function skewAt(
  got: Candidate,
  open: readonly Candidate[],
  filled: readonly Candidate[],
  { topologyKey }: TopologySpread,
): number {
  const at = ({ zone, rack }: Candidate): string | undefined =>
    topologyKey === "Zone" ? zone : rack && `${zone}/${rack}`;
  const count = (domain: string | undefined): number =>
    filled.filter((one) => at(one) === domain).length;
  const domains = new Set(open.map(at).filter((domain) => domain !== undefined));
  return count(at(got)) - Math.min(...[...domains].map(count));
}

const small = fc.integer({ min: 1, max: 4 });
const machine = fc.record({
  cpus: small,
  gpus: fc.integer({ min: 0, max: 1 }),
  zone: fc.constantFrom("a", "b", "c", "shut"),
  rack: fc.constantFrom("r1", "r2", undefined),
  availability: fc.constantFrom("free", "free", "free", "held", "cordoned", "notReady"),
} as const);
const claim = fc.record({
  minCPUs: small,
  priority: fc.integer({ min: 0, max: 2 }),
  spread: fc.constantFrom(null, "Zone", "Rack"),
  maxSkew: fc.integer({ min: 1, max: 2 }),
} as const);

const rounds = fc
  .tuple(fc.array(machine, { maxLength: 12 }), fc.array(claim, { maxLength: 12 }))
  .map(([machines, claims]) =>
    round({
      machines: machines.map(({ cpus: count, gpus, ...rest }, n) =>
        candidate(`m${n}`, { ...rest, hardware: { cpus: count, gpus } }),
      ),
      requests: claims.map(({ minCPUs: count, priority, spread, maxSkew }, n) =>
        request(`c${n}`, {
          ...{ requirements: { minCPUs: count }, priority },
          ...(spread !== null && over({ topologyKey: spread, maxSkew })),
        }),
      ),
    }),
  );

describe("whatever machines and claims there are, placement", () => {
  const holds = (what: (round: Round, outcome: Outcome) => void): void =>
    fc.assert(
      fc.property(rounds, (given) => what(given, place(given))),
      { numRuns: 500 },
    );

  it("gives no machine twice, and none that the filter refuses", () => {
    holds(({ requests }, { assigned }) => {
      const given = [...assigned.values()];
      expect(new Set(given.map(({ uid }) => uid)).size).toBe(given.length);
      for (const one of requests) {
        const got = assigned.get(one.uid);
        if (got !== undefined) expect(filter(got, one)).toBeNull();
      }
    });
  });

  it("answers every claim, with a machine or with a count for each machine", () => {
    holds(({ requests, machines }, { assigned, waiting }) => {
      for (const { uid } of requests) {
        const counts = [...(waiting.get(uid)?.counts.values() ?? [])];
        if (assigned.has(uid)) expect(waiting.has(uid)).toBe(false);
        else expect(counts.reduce((sum, n) => sum + n, 0)).toBe(machines.length);
      }
    });
  });

  it("lets no claim wait for a machine that a later one got, unless a spread forbids it", () => {
    holds(({ requests }, { assigned, waiting }) => {
      const queue = requests.toSorted(byTurn);
      const patient = queue.filter(
        ({ uid, spec }) => waiting.has(uid) && spec.topologySpread === undefined,
      );
      for (const first of patient) {
        const later = queue.slice(queue.indexOf(first)).map(({ uid }) => assigned.get(uid));
        const got = later.filter((one) => one !== undefined);
        expect(got.filter((one) => filter(one, first) === null)).toEqual([]);
      }
    });
  });

  it("gives the same whatever the order in which it hears of them", () => {
    holds((given, outcome) => {
      const turned = place({
        ...given,
        machines: given.machines.toReversed(),
        requests: given.requests.toReversed(),
      });
      expect(told(turned)).toEqual(told(outcome));
    });
  });

  it("keeps every spread that must be kept, at the moment that it places", () => {
    holds(({ requests, machines }, { assigned }) => {
      const filled: Candidate[] = [];
      for (const one of requests.toSorted(byTurn)) {
        const got = assigned.get(one.uid);
        if (got === undefined) continue;
        filled.push(got);
        const open = machines.filter((each) => SERVING.has(filter(each, one)));
        for (const constraint of one.spec.topologySpread ?? []) {
          const { maxSkew = 1 } = constraint;
          expect(skewAt(got, open, filled, constraint)).toBeLessThanOrEqual(maxSkew);
        }
      }
    });
  });

  it("never passes over a machine without GPUs for one with, if it asks for none", () => {
    holds(({ requests, machines }, { assigned }) => {
      const taken = new Set<string>();
      for (const one of requests.toSorted(byTurn)) {
        const got = assigned.get(one.uid);
        if (got === undefined) continue;
        const plain = machines.filter(
          (each) => !taken.has(each.uid) && filter(each, one) === null && each.hardware.gpus === 0,
        );
        if (one.spec.topologySpread === undefined && plain.length > 0) {
          expect(got.hardware.gpus).toBe(0);
        }
        taken.add(got.uid);
      }
    });
  });
});
