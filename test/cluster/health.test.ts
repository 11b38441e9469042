/**
 * What kstatus (Flux, kubectl, kpt) and Argo CD say of our objects, by their own library and in their
 * own VM, over every state that our own conditions can be in.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { ALL_KINDS } from "#api/all.ts";
import type { Machine } from "#api/machine.ts";
import type { OSImage } from "#api/os-image.ts";
import type { Rack } from "#api/rack.ts";
import type { Zone } from "#api/zone.ts";
import { conditionsOf } from "#controllers/machine/conditions.ts";
import type { Gathered, Inputs } from "#controllers/machine/gather.ts";
import { imageStatus } from "#controllers/os-image/reconcile.ts";
import { zoneStatus } from "#controllers/zone/reconcile.ts";
import { setConditions, standing } from "#kube/conditions.ts";
import { MODES, type Mode } from "#lifecycle/facts.ts";
import type { Plan } from "#lifecycle/plan.ts";
import { PHASES, type Phase } from "#lifecycle/table.ts";
import {
  claimStates,
  NOW,
  objectOf,
  poolStates,
  SAYS,
  type State,
  type Word,
} from "#test/fakes/health-states.ts";
import { healthCases, SCRIPTED, scriptOf } from "../../tools/gitops/cases.ts";
import { judge, type Verdict } from "../../tools/gitops/judge.ts";
import { luaHealth } from "../../tools/gitops/lua.ts";

/** Phases where a machine may stay, and how: for a machine that is Active and not stalled. */
const RESTS: Partial<Record<Phase, Word>> = { Ready: "well", Deployed: "well" };

interface MachineState {
  readonly phase: Phase;
  readonly mode: Mode;
  readonly paused: boolean;
  readonly stalled: boolean;
  readonly deleting: boolean;
  readonly seen: boolean;
  /** Its holder asks for an image; in Allocated some do not. */
  readonly image: boolean;
}

const BOTH = [false, true];
const each = <T, R>(of: readonly T[], make: (one: T) => readonly R[]): readonly R[] =>
  of.flatMap(make);

const MACHINES: readonly MachineState[] = each(PHASES, (phase) =>
  each(MODES, (mode) =>
    each(BOTH, (paused) =>
      each(BOTH, (deleting) =>
        each(BOTH, (seen) =>
          // who is paused is not stalled; who broke by itself is
          each(
            paused ? [false] : phase === "Broken" && mode !== "Broken" ? [true] : BOTH,
            (stalled) =>
              (phase === "Allocated" ? BOTH : [true]).map((image) => ({
                ...{ phase, mode, paused, stalled, deleting, seen, image },
              })),
          ),
        ),
      ),
    ),
  ),
);

function machineWord({ phase, mode, paused, stalled, deleting, seen, image }: MachineState): Word {
  const isThere = RESTS[phase] === "well" || phase === mode || !image;
  if (deleting) return "leaving";
  if (paused) return isThere && seen ? "out of use" : "out of use, not there yet";
  if (!seen) return "going on";
  if (stalled) return "stuck";
  if (isThere) return mode === "Cordoned" || phase === mode ? "out of use" : "well";
  return "going on";
}

/** With the conditions that the operator itself gives it. */
function machineObject(state: MachineState): Record<string, unknown> {
  const { phase, mode, paused, stalled, seen } = state;
  const spec = { zoneRef: { name: "east" }, mode, paused };
  const plan = { phase, stalled: stalled ? "BmcUnreachable" : null, freed: false } as Plan;
  const wanted = state.image ? { deploy: {} } : null;
  const inputs = { machine: { spec } as Machine, wanted, now: NOW } as Inputs;
  const saw = { holder: "none", task: { state: "Running" } };
  const gathered = { facts: { saw }, troubles: [], newest: undefined } as unknown as Gathered;
  const conditions = conditionsOf(inputs, gathered, plan);
  const status = { observedGeneration: 1, phase, conditions };
  return objectOf("Machine", spec, status, { ...state, generation: seen ? 1 : 2 });
}

const machines = (): readonly State[] =>
  MACHINES.map((state) => ({
    kind: "Machine",
    state: JSON.stringify(state),
    object: machineObject(state),
    word: machineWord(state),
  }));

const zoneOf = (cidr: string): Zone =>
  objectOf("Zone", { subnets: [{ name: "boot", cidr }] }, {}) as unknown as Zone;
const image = objectOf(
  "OSImage",
  { artifacts: [{ digest: "sha256:1" }] },
  {},
) as unknown as OSImage;
const rackWith = (state: string): Rack =>
  objectOf("Rack", {}, { images: [{ digest: "sha256:1", state }] }) as unknown as Rack;

interface Row {
  readonly kind: string;
  readonly state: string;
  readonly spec: object;
  readonly status: object;
  readonly word: Word;
}

/** Conditions as every controller composes them. */
const conditioned = (word: "well" | "going on" | "stuck" | "idle") => ({
  observedGeneration: 1,
  conditions: setConditions(
    undefined,
    standing({
      ready: word === "well",
      reconciling: word === "going on",
      stalled: word === "stuck",
      reason: "Told",
      message: "What a person should read.",
    }),
    NOW,
  ),
});

const CONDITIONED = [
  "Machine",
  "Zone",
  "OSImage",
  "HardwareProfile",
  "MachineClaim",
  "MachinePool",
];
const ANY: readonly Row[] = CONDITIONED.flatMap((kind): readonly Row[] => [
  { kind, state: "well", spec: {}, status: conditioned("well"), word: "well" },
  { kind, state: "going on", spec: {}, status: conditioned("going on"), word: "going on" },
  { kind, state: "stuck", spec: {}, status: conditioned("stuck"), word: "stuck" },
  { kind, state: "waiting", spec: {}, status: conditioned("idle"), word: "going on" },
]);

const REAL: readonly Row[] = [
  ...[0, 1].map(
    (racks): Row => ({
      kind: "Zone",
      state: `${racks} racks`,
      spec: {},
      status: zoneStatus(zoneOf("10.0.0.0/8"), [], racks, NOW),
      word: racks === 0 ? "going on" : "well",
    }),
  ),
  {
    kind: "Zone",
    state: "a bad subnet",
    spec: {},
    status: zoneStatus(zoneOf("10.0.0.0/80"), [], 1, NOW),
    word: "stuck",
  },
  ...(["Fetching", "Cached", "Failed"] as const).map(
    (state): Row => ({
      kind: "OSImage",
      state,
      spec: {},
      status: imageStatus(image, [rackWith(state)], 0, NOW),
      word: state === "Failed" ? "stuck" : "well",
    }),
  ),
  {
    kind: "Rack",
    state: "it reported",
    spec: { zone: "east" },
    status: { observedGeneration: 1 },
    word: "well",
  },
];

/** Each as it is, deleted, edited, and new. */
const others = (): readonly State[] =>
  [...ANY, ...REAL].flatMap(({ kind, state, spec, status, word }): State[] => [
    { kind, state, object: objectOf(kind, spec, status), word },
    {
      kind,
      state: `${state}, deleted`,
      object: objectOf(kind, spec, status, { deleting: true }),
      word: "leaving",
    },
    {
      kind,
      state: `${state}, edited`,
      object: objectOf(kind, spec, status, { generation: 2 }),
      word: "going on",
    },
    {
      kind,
      state: "new",
      object: objectOf(kind, spec, { observedGeneration: -1 }),
      word: "going on",
    },
  ]);

describe("kstatus and Argo CD", () => {
  const states = [...machines(), ...claimStates(), ...poolStates(), ...others()];
  const cases = SCRIPTED.flatMap(healthCases);
  let verdicts: readonly Verdict[] = [];
  let ofCases: readonly Verdict[] = [];

  beforeAll(async () => {
    const signal = AbortSignal.timeout(600_000);
    verdicts = await judge(
      states.map(({ kind, object }) => ({ script: scriptOf(kind), object })),
      signal,
    );
    ofCases = await judge(cases, signal);
  });

  it("see every kind that has conditions or a status of ours", () => {
    const covered = new Set([...states.map(({ kind }) => kind), "MachineTask"]);
    expect([...covered].toSorted()).toEqual([...SCRIPTED]);
    expect(ALL_KINDS.map(({ resource }) => resource.kind)).toEqual(
      expect.arrayContaining([...covered]),
    );
  });

  it("say of every state what a person would", () => {
    const wrong = states.flatMap(({ kind, state, word }, at) => {
      const { kstatus = "", health = "", error } = verdicts[at] ?? { error: "no verdict" };
      const { kstatus: wanted, health: wish } = SAYS[word];
      const right = kstatus === wanted && health === wish && error === undefined;
      return right ? [] : [{ kind, state, word, kstatus, health, error }];
    });
    expect(states.length).toBeGreaterThan(800);
    expect(wrong).toEqual([]);
  });

  it("tell a person why it is stuck, in the same words", () => {
    const stuck = states.flatMap(({ word }, at) => (word === "stuck" ? [verdicts[at]] : []));
    expect(stuck.filter((verdict) => !/^\w+: \S/.test(verdict?.message ?? ""))).toEqual([]);
  });

  it("Argo CD's VM and the unit tests' VM say the same of all of them", () => {
    const differ = states.filter(({ kind, object }, at) => {
      const { status, message } = luaHealth(scriptOf(kind), object);
      return status !== verdicts[at]?.health || message !== verdicts[at]?.message;
    });
    expect(differ).toEqual([]);
  });

  it("Argo CD's VM says of all test data what upstream's test would ask for", () => {
    expect(
      ofCases.map(({ health, message, error }, at) => ({
        file: cases[at]?.file,
        health,
        message,
        error,
      })),
    ).toEqual(
      cases.map(({ file, expected }) => ({
        file,
        health: expected.status,
        message: expected.message,
        error: undefined,
      })),
    );
  });
});
