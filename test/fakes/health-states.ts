/** States of claims and pools as the operator writes them, and what a person would say of each. */
import { API_VERSION } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { MachinePool } from "#api/machine-pool.ts";
import type { FailureReason } from "#base/failure.ts";
import type { Seen } from "#controllers/claim/observe.ts";
import { outcome } from "#controllers/claim/outcome.ts";
import { plan } from "#controllers/pool/plan.ts";
import { type Seen as PoolSeen, poolStatus } from "#controllers/pool/status.ts";
import { setConditions, standing } from "#kube/conditions.ts";
import { PHASES } from "#lifecycle/table.ts";
import { claimFacts, poolFacts } from "./pool-facts.ts";

export const NOW = Date.parse("2026-11-20T10:00:00Z");

/** What a person would say of an object. */
export type Word =
  | "going on"
  | "well"
  | "stuck"
  | "out of use"
  | "out of use, not there yet"
  | "leaving";

/** The same in kstatus's words and in Argo CD's. */
export const SAYS: Readonly<Record<Word, { kstatus: string; health: string }>> = {
  "going on": { kstatus: "InProgress", health: "Progressing" },
  well: { kstatus: "Current", health: "Healthy" },
  stuck: { kstatus: "Failed", health: "Degraded" },
  // kstatus has no word for it: what is wanted holds, or not
  "out of use": { kstatus: "Current", health: "Suspended" },
  "out of use, not there yet": { kstatus: "InProgress", health: "Suspended" },
  leaving: { kstatus: "Terminating", health: "Progressing" },
};

export interface State {
  readonly kind: string;
  readonly state: string;
  readonly object: Record<string, unknown>;
  readonly word: Word;
}

interface Twist {
  readonly generation?: number;
  readonly deleting?: boolean;
}

const DELETED = "2026-11-20T10:00:00Z";

export const objectOf = (kind: string, spec: unknown, status: unknown, twist: Twist = {}) => ({
  apiVersion: API_VERSION,
  kind,
  metadata: {
    name: "one",
    generation: twist.generation ?? 1,
    ...(twist.deleting && { deletionTimestamp: DELETED }),
  },
  spec,
  status,
});

const BOTH = [false, true];
const machineRef = { namespace: "lab", name: "m1", uid: "m1-uid-m1-uid", zone: "east" };
const deploy = { imageRef: { name: "debian" }, method: "Disk" };

/** A claim that was looked at before, and was well or not. */
function claimOf(spec: object, status: object, deleting: boolean, wasReady = false): MachineClaim {
  const how = standing({ ready: wasReady, reconciling: !wasReady, reason: "Before", message: "" });
  return {
    metadata: {
      ...{ namespace: "shop", name: "one", uid: "c", resourceVersion: "1", generation: 1 },
      ...(deleting && { deletionTimestamp: DELETED }),
    },
    spec,
    status: { ...status, conditions: setConditions(undefined, how, NOW) },
  } as unknown as MachineClaim;
}

const machineOf = (status: object): Machine =>
  ({
    metadata: { namespace: "lab", name: "m1", uid: machineRef.uid, generation: 1 },
    spec: { zoneRef: { name: "east" }, mode: "Active", paused: false },
    status: { observedGeneration: 1, ...status },
  }) as unknown as Machine;

const seenOf = (claim: MachineClaim, differs: Partial<Seen>): Seen => ({
  claim,
  isHolding: true,
  held: [],
  last: undefined,
  promised: undefined,
  waiting: undefined,
  image: undefined,
  adoption: { of: "nothing" },
  now: NOW,
  ...differs,
});

function claimState(state: string, seen: Seen, word: Word): readonly State[] {
  const status = outcome(seen);
  if (status === null) return []; // nothing is written
  const deleting = seen.claim.metadata.deletionTimestamp !== undefined;
  const object = objectOf("MachineClaim", seen.claim.spec, status, { deleting });
  return [{ kind: "MachineClaim", state, object, word: deleting ? "leaving" : word }];
}

/** Why the machine of a claim is held up, of each sort that a claim makes something of. */
const STALLS: readonly (FailureReason | null)[] = [
  null,
  "BmcUnreachable",
  "SecretNotFound",
  "ImageUnsuitable",
  "GivenUp",
  "IdentityChanged",
];

interface Bound {
  readonly phase: (typeof PHASES)[number];
  readonly stall: FailureReason | null;
  /** The machine's own Ready. */
  readonly ready: boolean;
  readonly wasReady: boolean;
  readonly asks: boolean;
  readonly runs: boolean;
  readonly deleting: boolean;
}

function boundWord({ phase, stall, ready, wasReady, asks, runs }: Bound): Word {
  // A BMC that does not answer says nothing about the system that runs.
  if (stall !== null) return wasReady && stall.startsWith("Bmc") ? "well" : "stuck";
  const isOut = phase === "Rescue" || phase === "Broken" || phase === "Retired";
  return ready && !isOut && (!asks || runs) ? "well" : "going on";
}

const BOUND: readonly Bound[] = PHASES.flatMap((phase) =>
  STALLS.flatMap((stall) =>
    (stall === null ? BOTH : [false]).flatMap((ready) =>
      BOTH.flatMap((wasReady) =>
        BOTH.flatMap((asks) =>
          BOTH.flatMap((runs) =>
            BOTH.map((deleting) => ({ phase, stall, ready, wasReady, asks, runs, deleting })),
          ),
        ),
      ),
    ),
  ),
);

function bound(state: Bound): readonly State[] {
  const { phase, stall, ready, wasReady, asks, runs, deleting } = state;
  const how = { ready, reconciling: !ready && stall === null, stalled: stall !== null };
  const wishes = standing({ ...how, reason: stall ?? phase, message: "It says so." });
  const conditions = setConditions(undefined, wishes, NOW);
  const machine = machineOf({ phase, conditions, ...(runs && { image: "debian" }) });
  const spec = asks ? { deploy } : {};
  const claim = claimOf(spec, { machineRef }, deleting, wasReady);
  return claimState(
    `bound ${JSON.stringify(state)}`,
    seenOf(claim, { held: [machine] }),
    boundWord(state),
  );
}

interface Unbound {
  readonly state: string;
  readonly spec?: object;
  readonly status?: object;
  readonly seen: Partial<Seen>;
  readonly word: Word;
}

const forgotten = { machineRef, untouched: { epoch: 1 } };
const UNBOUND: readonly Unbound[] = [
  {
    state: "waits",
    seen: { waiting: { message: "1 is held.", isHopeless: false } },
    word: "going on",
  },
  {
    state: "waits in vain",
    seen: { waiting: { message: "1 lacks CPUs.", isHopeless: true } },
    word: "stuck",
  },
  { state: "its image is not there", spec: { deploy }, seen: {}, word: "stuck" },
  {
    state: "another namespace's claim was lost",
    seen: { adoption: { of: "lost", machine: machineOf({}), namespace: "other" } },
    word: "stuck",
  },
  { state: "its machine is gone", status: { machineRef }, seen: {}, word: "stuck" },
  {
    state: "its machine is another's",
    status: forgotten,
    seen: { last: machineOf({ claimRef: { uid: "x" } }) },
    word: "stuck",
  },
  {
    state: "its machine is looked at anew",
    status: forgotten,
    seen: { last: machineOf({ observedGeneration: -1 }) },
    word: "going on",
  },
];

/** Every way of outcome() to say how a claim stands. */
export const claimStates = (): readonly State[] => [
  ...BOUND.flatMap(bound),
  ...UNBOUND.flatMap(({ state, spec = {}, status = {}, seen, word }) =>
    BOTH.flatMap((deleting) =>
      claimState(
        `${state}${deleting ? ", deleted" : ""}`,
        seenOf(claimOf(spec, status, deleting), seen),
        word,
      ),
    ),
  ),
];

const [well, other] = [claimFacts("a"), claimFacts("b")];
const lacking = { isReady: false, isStalled: true, holds: "nothing", reason: "NotPlaced" } as const;
const stuck = claimFacts("stuck", { ...lacking, message: "1 lacks CPUs." });
const unready = claimFacts("unready", { isReady: false, reason: "Deploying" });
const old = claimFacts("old", { change: "machine" });
const going = claimFacts("going", { isGoing: true, isReady: false, reason: "Releasing" });

interface Pool {
  readonly state: string;
  readonly facts: Parameters<typeof poolFacts>;
  readonly seen?: Partial<PoolSeen>;
  readonly word: Word;
}

/** A row for each check of poolStatus(), in its order. */
const POOLS: readonly Pool[] = [
  {
    state: "ClaimRefused",
    facts: [[well]],
    seen: { trouble: { reason: "ClaimRefused", message: "quota" } },
    word: "stuck",
  },
  {
    state: "OwnerGone",
    facts: [[well]],
    seen: { trouble: { reason: "OwnerGone", message: "of before" } },
    word: "going on",
  },
  {
    state: "ClaimProtected: too many",
    facts: [[claimFacts("p", { isProtected: true })], { desired: 0 }],
    word: "stuck",
  },
  { state: "RolloutHalted", facts: [[stuck, old]], word: "stuck" },
  { state: "a claim is stalled", facts: [[well, stuck]], word: "stuck" },
  {
    state: "a claim is stalled, and machines come back",
    facts: [[well, stuck, going], { desired: 2 }],
    word: "going on",
  },
  { state: "RollingOut", facts: [[well, old]], word: "going on" },
  {
    state: "RollingOut, the last one",
    facts: [[well, unready]],
    seen: { wasRolling: true },
    word: "going on",
  },
  {
    state: "ClaimProtected: not of this template",
    facts: [[well, claimFacts("p", { change: "machine", isProtected: true })]],
    word: "stuck",
  },
  { state: "Scaling", facts: [[well], { desired: 2, names: [] }], word: "going on" },
  { state: "waiting", facts: [[well, unready]], word: "going on" },
  { state: "ScaledToZero", facts: [[]], word: "well" },
  { state: "AllReady", facts: [[well, other]], word: "well" },
];

function poolState({ state, facts: given, seen, word }: Pool): readonly State[] {
  const facts = poolFacts(...given);
  const all = { facts, plan: plan(facts), free: 0, trouble: null, wasRolling: false, ...seen };
  const pool = { metadata: { name: "one", generation: 1 }, spec: {} } as unknown as MachinePool;
  const status = poolStatus(pool, all, NOW);
  return BOTH.map((deleting) => ({
    kind: "MachinePool",
    state: deleting ? `${state}, deleted` : state,
    object: objectOf("MachinePool", {}, status, { deleting }),
    word: deleting ? "leaving" : word,
  }));
}

export const poolStates = (): readonly State[] => POOLS.flatMap(poolState);
