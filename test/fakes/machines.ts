/** Machines of every kind, numbered: for tests that try the lifecycle on all that there can be. */
import { ADOPTIONS, type Facts, MODES, type Task, type TaskState } from "#lifecycle/facts.ts";
import { ATTEMPTS } from "#lifecycle/guards.ts";
import { LIFECYCLE, PHASES } from "#lifecycle/table.ts";

const image = "sha256:abc";
const task = (state: TaskState, over: Partial<Task> = {}): Partial<Task> => ({ state, ...over });

/** All that can be wanted of a machine and seen of it. One value of each axis makes one machine. */
const AXES: readonly (readonly object[])[] = [
  PHASES.map((phase) => ({ phase })),
  MODES.map((mode) => ({ mode })),
  ADOPTIONS.map((adoption) => ({ adoption })),
  [{ deleted: false }, { deleted: true }],
  [{ deletionPolicy: "Orphan" }, { deletionPolicy: "Decommission" }],
  [
    {},
    { paused: true },
    { protected: true },
    { brake: true },
    { identity: "changed" },
    { duplicate: "DuplicateMac" },
  ],
  [
    ...[[], ["retry"], ["release"], ["retry", "release"], ["test", "deploy"], ["commission"]].map(
      (asked) => ({ asked }),
    ),
  ],
  [
    { image: null },
    { image },
    { image: "sha256:new", reinstall: true },
    { image: null, trouble: "ImageNotFound" },
  ],
  [
    { holder: "none" },
    { holder: "claim" },
    { holder: "claim", order: "claimDeleted" },
    { holder: "static", power: "on" },
    { holder: "static", order: "deployRemoved", power: "off" },
    { holder: "unknown" },
  ],
  [{ known: true }, { known: false }],
  [{ running: "nothing" }, { running: "os" }, { running: "agent" }, { running: "unknown" }],
  ["erased", "foreign", "unknown", { image: null }, { image }].map((disk) => ({ disk })),
  [
    null,
    task("Pending"),
    task("Running"),
    task("Written", { late: true }),
    task("Succeeded"),
    task("Failed"),
    task("Failed", { rests: true }),
    task("Running", { deserted: true }),
    task("Canceled", { epoch: 1 }),
    task("Expired", { attempt: ATTEMPTS }),
    task("Running", { type: "Deploy", epoch: 1 }),
  ].map((task) => ({ task })),
  [
    { ending: null },
    { ending: { for: "off", stopped: false, late: false } },
    { ending: { for: "reboot", stopped: false, late: true } },
    { ending: { for: "reboot", stopped: true, late: false } },
  ],
];

export const TOTAL = AXES.reduce((product, axis) => product * axis.length, 1);
/** The machine of that number: its digits, in the mixed base of the axes, choose the values. */
export function machine(number: number): Facts {
  let rest = number;
  const chosen = AXES.map((axis) => {
    const value = axis[rest % axis.length];
    rest = Math.floor(rest / axis.length);
    return value;
  });
  const none = {
    trouble: null,
    reinstall: false,
    duplicate: null,
    paused: false,
    protected: false,
    brake: false,
    identity: "same",
    order: null,
  };
  const all = { ...none, power: null, bmc: null, overdue: false };
  const flat = Object.assign({ epoch: 2 }, all, ...chosen);
  const type = LIFECYCLE[flat.phase as Facts["phase"]].task ?? "Rescue";
  const task = flat.task && { type, epoch: 2, attempt: 1, late: false, ...flat.task };
  return { phase: flat.phase, epoch: 2, want: flat, saw: { ...flat, task } };
}
