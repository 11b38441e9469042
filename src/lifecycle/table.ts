import { type Duration, hours, minutes } from "#base/duration.ts";
import type { Facts, Nonce } from "./facts.ts";
import { GUARDS, type Guard } from "./guards.ts";

/** What the agent can be asked to do: `spec.type` of a MachineTask. Firmware is left out below. */
export const TASK_TYPES = ["Commission", "Test", "Deploy", "Erase", "Rescue", "Firmware"] as const;
export type TaskType = (typeof TASK_TYPES)[number];

/** What we do meanwhile: run a task, see to the power that was declared, or keep our hands off. */
type Regime =
  | { readonly does: "task"; readonly task: TaskType }
  | { readonly does: "power" | "nothing"; readonly task: null };

export interface Exit {
  readonly to: Phase;
  readonly when: Guard;
  /** Open only while this nonce is asked; taking the exit answers it. */
  readonly on?: Nonce;
}

type PhaseSpec = Regime & {
  /** One sentence for `kubectl explain` and the generated documentation. */
  readonly doc: string;
  /** The time for it, and the runDeadline of its task. `null`: the machine may rest here. */
  readonly deadline: Duration | null;
  /** The ways out, tried in order: the first that is open is taken. */
  readonly exits: readonly Exit[];
};

export const PHASES = [
  "New",
  "Commissioning",
  "Testing",
  "Ready",
  "Allocated",
  "Deploying",
  "Deployed",
  "Releasing",
  "Rescue",
  "Broken",
  "Retired",
  "Deleting",
] as const;
export type Phase = (typeof PHASES)[number];

/** The orders that are heard first nearly everywhere. */
const ORDERS: readonly Exit[] = [
  { to: "Deleting", when: "deletable" },
  { to: "Releasing", when: "eraseFirst" },
  { to: "Broken", when: "breakWanted" },
  { to: "Releasing", when: "released" },
];

/**
 * The life of a machine. This table is the only place that says which phase may follow which:
 * the diagram in docs/lifecycle.md, the CRD enum and the metric labels are derived from it.
 *
 * A failure is no phase: the machine stays where it is and turns Stalled, until it is given up.
 */
export const LIFECYCLE: Readonly<Record<Phase, PhaseSpec>> = {
  New: {
    doc: "Named, or its status was lost. Nothing is touched; the evidence decides what it is.",
    does: "nothing",
    task: null,
    deadline: null,
    exits: [
      ...ORDERS,
      { to: "Retired", when: "retireWanted" },
      { to: "Rescue", when: "rescueOfAcquaintance" },
      { to: "Deployed", when: "occupied" },
      { to: "Allocated", when: "unapplied" },
      { to: "Commissioning", when: "enrolled" },
      { to: "Commissioning", when: "releaseDone" },
    ],
  },
  Commissioning: {
    doc: "Booted into the agent, which writes down what hardware is there, and reads only.",
    does: "task",
    task: "Commission",
    deadline: minutes(30),
    exits: [
      ...ORDERS,
      { to: "Retired", when: "retireWanted" },
      { to: "Testing", when: "doneErased", on: "test" },
      { to: "Ready", when: "doneErased" },
      { to: "Deployed", when: "doneOccupied" },
      { to: "Allocated", when: "doneUnapplied" },
      { to: "Releasing", when: "doneErasable" },
      { to: "Broken", when: "givenUp" },
    ],
  },
  Testing: {
    doc: "The agent looks at the hardware anew. Tests under load are not built yet.",
    does: "task",
    task: "Test",
    deadline: hours(2),
    exits: [
      ...ORDERS,
      { to: "Deployed", when: "doneOccupied" },
      { to: "Ready", when: "doneErased" },
      { to: "Releasing", when: "doneErasable" },
      { to: "Broken", when: "givenUp" },
    ],
  },
  Ready: {
    doc: "Inventoried, erased and free to be claimed.",
    does: "power",
    task: null,
    deadline: null,
    exits: [
      ...ORDERS,
      { to: "Retired", when: "retireWanted" },
      { to: "Rescue", when: "rescueWanted" },
      { to: "Releasing", when: "unusable" },
      { to: "Commissioning", when: "unfinished", on: "commission" },
      { to: "Testing", when: "erased", on: "test" },
      { to: "Allocated", when: "claimed" },
      { to: "Deploying", when: "ownImageWanted" },
    ],
  },
  Allocated: {
    doc: "Held; its image is not resolved yet.",
    does: "power",
    task: null,
    deadline: minutes(10),
    exits: [
      ...ORDERS,
      { to: "Rescue", when: "rescueWanted" },
      { to: "Ready", when: "unbound" },
      { to: "Releasing", when: "unusable" },
      { to: "Commissioning", when: "unseen" },
      { to: "Deploying", when: "imageWanted" },
    ],
  },
  Deploying: {
    doc: "The agent is writing its holder's image.",
    does: "task",
    task: "Deploy",
    deadline: hours(1),
    exits: [
      ...ORDERS,
      { to: "Deployed", when: "done" },
      { to: "Ready", when: "unbound" },
      { to: "Broken", when: "givenUp" },
    ],
  },
  Deployed: {
    doc: "Running its holder's image.",
    does: "power",
    task: null,
    deadline: null,
    exits: [
      ...ORDERS,
      { to: "Rescue", when: "rescueWanted" },
      { to: "Testing", when: "occupied", on: "test" },
      { to: "Deploying", when: "deployAnew", on: "deploy" },
      { to: "Deploying", when: "reinstallWanted" }, // else a changed image is: not UpToDate
    ],
  },
  Releasing: {
    doc: "Disks are being erased before anybody else may have the machine.",
    does: "task",
    task: "Erase",
    deadline: hours(8),
    exits: [
      { to: "Deleting", when: "deletable" },
      { to: "Broken", when: "breakWanted" },
      { to: "Ready", when: "erased" },
      { to: "Deployed", when: "occupied" }, // the order was taken back before anything was erased
      { to: "Deploying", when: "takenBack" },
      { to: "Broken", when: "givenUp" },
    ],
  },
  Rescue: {
    doc: "A person works on the machine from the agent's shell.",
    does: "task",
    task: "Rescue",
    deadline: null,
    exits: [
      ...ORDERS,
      { to: "Retired", when: "retireWanted" },
      { to: "Deployed", when: "occupied" },
      { to: "Allocated", when: "unapplied" },
      { to: "Commissioning", when: "unseen" },
      { to: "Releasing", when: "rescueOver" }, // a rescue may have written: Ready by way of an erase
      { to: "Broken", when: "givenUp" },
    ],
  },
  Broken: {
    doc: "Given up, or set aside by a person. Nothing is touched until nonces.retry is changed.",
    does: "nothing",
    task: null,
    deadline: null,
    exits: [
      { to: "Deleting", when: "deletable" }, // no eraseFirst: what broke may break again
      { to: "Retired", when: "retireWanted", on: "retry" },
      { to: "Rescue", when: "rescueWanted", on: "retry" },
      { to: "Releasing", when: "released", on: "retry" },
      { to: "Releasing", when: "eraseFirst", on: "retry" },
      { to: "Deployed", when: "occupied", on: "retry" },
      { to: "Allocated", when: "unapplied", on: "retry" },
      { to: "Commissioning", when: "unfinished", on: "retry" },
    ],
  },
  Retired: {
    doc: "Out of service for good; kept for the record.",
    does: "nothing",
    task: null,
    deadline: null,
    exits: [
      ...ORDERS,
      { to: "Rescue", when: "rescueWanted" },
      { to: "Commissioning", when: "unfinished" },
    ],
  },
  Deleting: {
    doc: "Forgotten as it stands; the finalizer goes next.",
    does: "nothing",
    task: null,
    deadline: minutes(10),
    exits: [],
  },
};

/** The exit to take; undefined: the machine stays in its phase. */
export function openExit(facts: Facts): Exit | undefined {
  return LIFECYCLE[facts.phase].exits.find(
    ({ when, on }) => (on === undefined || facts.want.asked.includes(on)) && GUARDS[when](facts),
  );
}

/** The lifecycle as a Mermaid diagram, of the exits that are asked for. */
export function diagram(shown: (exit: Exit) => boolean = () => true): string {
  const lines = PHASES.flatMap((from) =>
    LIFECYCLE[from].exits
      .filter(shown)
      .map(({ to, when, on }) => `  ${from} --> ${to}: ${when}${on ? ` (${on})` : ""}`),
  );
  return ["stateDiagram-v2", `  [*] --> ${PHASES[0]}`, ...lines, ""].join("\n");
}
