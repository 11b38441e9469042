import { describe, expect, it } from "vitest";
import type { Ending, Facts, Task } from "./facts.ts";
import { ATTEMPTS } from "./guards.ts";
import { type Plan, plan } from "./plan.ts";
import type { TaskType } from "./table.ts";
import type { Action } from "./tasks.ts";

type Difference = Partial<Omit<Facts, "want" | "saw"> & Facts["want"] & Facts["saw"]>;

/** A ready machine at rest, in its first epoch; each case says only how it differs. */
const machine = (given: Difference): Facts => {
  const all = {
    phase: "Ready",
    epoch: 1,
    mode: "Active",
    paused: false,
    protected: false,
    asked: [],
    image: null,
    reinstall: false,
    trouble: null,
    power: null,
    adoption: "Refuse",
    deleted: false,
    deletionPolicy: "Orphan",
    holder: "none",
    order: null,
    brake: false,
    known: true,
    duplicate: null,
    identity: "same",
    running: "nothing",
    bmc: null,
    disk: "erased",
    task: null,
    ending: null,
    overdue: false,
    ...given,
  } as const;
  return { phase: all.phase, epoch: all.epoch, want: all, saw: all };
};

const image = "sha256:abc";
const claimed: Difference = { holder: "claim", image };
const deployed: Difference = { ...claimed, phase: "Deployed", running: "os", disk: { image } };
const deploying: Difference = { ...claimed, phase: "Deploying", disk: { image: null } };
const stranger: Difference = { phase: "New", known: false, disk: "unknown" };
const inventoried: Difference = { phase: "Commissioning", running: "agent", disk: "foreign" };
const released = { order: "claimDeleted" } as const;

const record: Action = { kind: "writeRecord" };
const bootAgent: Action = { kind: "bootAgent" };
const letGo: Action = { kind: "releaseFinalizer" };
const power = (want: "on" | "off"): Action => ({ kind: "power", want });
const ends = (purpose: Ending["for"]): Ending => ({ for: purpose, stopped: false, late: false });
const asksToEnd = (purpose: Ending["for"]) =>
  ({ actions: [{ kind: "shutdown" }], ending: ends(purpose) }) as const;
const create = (type: TaskType, epoch = 2, attempt = 1): Action => ({
  kind: "createTask",
  intent: { type, epoch, attempt },
});
const task = (type: TaskType, state: Task["state"], over: Partial<Task> = {}): Task => ({
  ...{ type, state, epoch: 1, attempt: 1, late: false },
  ...over,
});

/** What is expected is what the facts would give at rest, unless the case differs. */
const CASES: Readonly<Record<string, { given: Difference; expect: Partial<Plan> }>> = {
  "leaves a ready machine alone": { given: {}, expect: {} },
  "holds a claimed machine before it writes to it": {
    given: claimed,
    expect: { phase: "Allocated" },
  },
  "deploys for a static owner at once": {
    given: { holder: "static", image },
    expect: { phase: "Deploying", epoch: 2, actions: [record, create("Deploy"), bootAgent] },
  },
  "gives a running agent its next task without a boot": {
    given: {
      phase: "Commissioning",
      running: "agent",
      asked: ["test"],
      task: task("Commission", "Succeeded"),
    },
    expect: { phase: "Testing", epoch: 2, answered: ["test"], actions: [create("Test")] },
  },
  "deploys another image that the claim asks for, where it allows to write over the first": {
    given: { ...deployed, image: "sha256:new", reinstall: true, running: "nothing" },
    expect: { phase: "Deploying", epoch: 2, actions: [record, create("Deploy"), bootAgent] },
  },
  "keeps the image of a claim that asks for another, and allows nothing": {
    given: { ...deployed, image: "sha256:new" },
    expect: {},
  },
  "does not write over the image of a machine that is protected": {
    given: { ...deployed, image: "sha256:new", reinstall: true, protected: true },
    expect: {},
  },
  "boots again while a task is pending and the machine is off": {
    given: { ...deploying, disk: "erased", task: task("Deploy", "Pending") },
    expect: { actions: [bootAgent] },
  },
  "waits for an agent that is under way": {
    given: { ...deploying, running: "os", task: task("Deploy", "Pending") },
    expect: {},
  },
  "ends a task that is late": {
    given: { ...deploying, running: "os", task: task("Deploy", "Running", { late: true }) },
    expect: {
      actions: [
        {
          ...{ kind: "endTask", state: "Expired", why: "late" },
          task: { type: "Deploy", epoch: 1, attempt: 1 },
        },
      ],
    },
  },
  "powers off before it tries again": {
    given: { ...deploying, running: "os", task: task("Deploy", "Expired") },
    expect: { stalled: "TaskTimedOut", actions: [power("off")] },
  },
  "does not try again before it has read that the machine is off": {
    given: { ...deploying, running: "unknown", task: task("Deploy", "Expired") },
    expect: { stalled: "CannotFence" },
  },
  "tries a failed task again, and says so": {
    given: { ...deploying, task: task("Deploy", "Failed") },
    expect: { stalled: "TaskFailed", actions: [record, create("Deploy", 1, 2), bootAgent] },
  },
  "gives a machine up after the last attempt": {
    given: { ...deploying, task: task("Deploy", "Expired", { attempt: ATTEMPTS }) },
    expect: { phase: "Broken", stalled: "GivenUp" },
  },
  "leaves a broken machine alone, whatever else is asked": {
    given: { phase: "Broken", asked: ["test"], mode: "Rescue" },
    expect: { stalled: "GivenUp", answered: ["test"], ignored: ["test"] },
  },
  "looks into a broken machine anew when it is told to": {
    given: { phase: "Broken", asked: ["retry"] },
    expect: {
      ...{ phase: "Commissioning", epoch: 2, answered: ["retry"] },
      actions: [create("Commission"), bootAgent],
    },
  },
  "keeps its hands off what it cannot see": {
    given: { ...deployed, running: "unknown", bmc: "BmcUnreachable" },
    expect: { stalled: "BmcUnreachable" },
  },
  "sees to the power that is declared": {
    given: { ...deployed, running: "nothing", power: "on" },
    expect: { actions: [power("on")] },
  },
  "leaves the power alone that nobody declared": {
    given: { ...deployed, running: "nothing" },
    expect: {},
  },
  "erases a released machine before anything else, from off": {
    given: { ...deployed, ...released },
    expect: { phase: "Releasing", epoch: 2, actions: [power("off")] },
  },
  "frees a released machine once it is erased": {
    given: { ...claimed, ...released, phase: "Releasing", task: task("Erase", "Succeeded") },
    expect: { phase: "Ready", freed: true, actions: [record] },
  },
  "takes a lost claim for doubt, not for a release": {
    given: { ...deployed, holder: "unknown" },
    expect: { stalled: "ClaimLost" },
  },
  "releases a machine whose claim is lost when a person says so": {
    given: { ...deployed, holder: "unknown", asked: ["release"] },
    expect: { phase: "Releasing", epoch: 2, actions: [power("off")] },
  },
  "holds a release of a protected machine": {
    given: { ...deployed, ...released, protected: true },
    expect: { stalled: "Protected" },
  },
  "holds a release when the zone has had too many": {
    given: { ...deployed, ...released, brake: true },
    expect: { stalled: "ReleaseBrake" },
  },
  "stops an erase whose order was taken back, and deploys what is there no more": {
    given: { ...deploying, phase: "Releasing", holder: "static", task: task("Erase", "Running") },
    expect: {
      ...{ phase: "Deploying", epoch: 2 },
      actions: [
        {
          ...{ kind: "endTask", state: "Canceled", why: "unwanted" },
          task: { type: "Erase", epoch: 1, attempt: 1 },
        },
      ],
    },
  },
  "does not reinstall because the image was changed": {
    given: { ...deployed, image: "sha256:new" },
    expect: {},
  },
  "reinstalls when it is told to": {
    given: { ...deployed, asked: ["deploy"] },
    expect: { phase: "Deploying", epoch: 2, answered: ["deploy"], ...asksToEnd("off") },
  },
  "begins a reinstall once its system has ended": {
    given: { ...deployed, phase: "Deploying", ending: ends("off"), running: "nothing" },
    expect: { actions: [record, create("Deploy", 1), bootAgent] },
  },
  "goes back into use after a test": {
    given: { ...deployed, phase: "Testing", running: "agent", task: task("Test", "Succeeded") },
    expect: { phase: "Deployed", actions: [power("off")], ending: ends("reboot") },
  },
  "goes back into use after a rescue, once its agent is stopped": {
    given: { ...deployed, phase: "Rescue", task: task("Rescue", "Running") },
    expect: {
      ...{ phase: "Deployed", ending: ends("reboot") },
      actions: [
        {
          ...{ kind: "endTask", state: "Canceled", why: "unwanted" },
          task: { type: "Rescue", epoch: 1, attempt: 1 },
        },
      ],
    },
  },
  "leaves a system alone that a release was ordered of, and taken back before it began": {
    given: { ...deployed, phase: "Releasing" },
    expect: { phase: "Deployed" },
  },
  "touches nothing behind a BMC that answers for another machine": {
    given: { ...deployed, ...released, identity: "changed" },
    expect: { stalled: "IdentityChanged" },
  },
  "does nothing to a paused machine": {
    given: { ...deployed, ...released, paused: true },
    expect: {},
  },
  "lets go of a paused machine that is deleted": {
    given: { ...deployed, paused: true, deleted: true, deletionPolicy: "Decommission" },
    expect: { phase: "Deleting", actions: [letGo] },
  },
  "lets go of a deleted machine as it stands": {
    given: { ...deployed, deleted: true },
    expect: { phase: "Deleting", actions: [letGo] },
  },
  "does not erase under its holder because the machine was deleted": {
    given: { ...deployed, deleted: true, deletionPolicy: "Decommission" },
    expect: { stalled: "StillHeld" },
  },
  "asks a deployed machine's system to end when it is told to reboot, once": {
    given: { ...deployed, asked: ["reboot"] },
    expect: { answered: ["reboot"], ...asksToEnd("reboot") },
  },
  "waits for a system that is ending": {
    given: { ...deployed, ending: ends("reboot") },
    expect: { ending: ends("reboot") },
  },
  "cuts the power of a system that did not end in time": {
    given: { ...deployed, ending: { ...ends("reboot"), late: true } },
    expect: { ending: { ...ends("reboot"), late: true }, actions: [power("off")] },
  },
  "starts a machine again that was read off, and remembers that it was": {
    given: { ...deployed, running: "nothing", ending: ends("reboot") },
    expect: { ending: { ...ends("reboot"), stopped: true }, actions: [power("on")] },
  },
  "has done with a reboot when the machine is read on again": {
    given: { ...deployed, ending: { ...ends("reboot"), stopped: true } },
    expect: { ending: null },
  },
  "keeps an end that is under way in mind while it cannot see the machine": {
    given: { ...deployed, running: "unknown", bmc: "BmcUnreachable", ending: ends("off") },
    expect: { stalled: "BmcUnreachable", ending: ends("off") },
  },
  "asks a deployed machine's system to end where it is to be off": {
    given: { ...deployed, power: "off" },
    expect: asksToEnd("off"),
  },
  "cuts the power of a machine that is to be off and runs nobody's system": {
    given: { running: "os", power: "off" },
    expect: { actions: [power("off")] },
  },
  "restarts a machine at once that runs nobody's system": {
    given: { running: "os", asked: ["reboot"] },
    expect: { answered: ["reboot"], actions: [{ kind: "restart" }] },
  },
  "does not reboot in the middle of a deploy, nor later, and says so": {
    given: { ...deploying, running: "os", asked: ["reboot"], task: task("Deploy", "Running") },
    expect: { answered: ["reboot"], ignored: ["reboot"] },
  },
  "does not reboot what is off, and says so": {
    given: { ...deployed, running: "nothing", asked: ["reboot"] },
    expect: { answered: ["reboot"], ignored: ["reboot"] },
  },
  "asks a holder's system to end before a rescue": {
    given: { ...deployed, mode: "Rescue" },
    expect: { phase: "Rescue", epoch: 2, ...asksToEnd("off") },
  },
  "lets some time pass after an attempt that failed, with the machine off": {
    given: { ...deploying, running: "os", task: task("Deploy", "Failed", { rests: true }) },
    expect: { stalled: "TaskFailed", actions: [power("off")] },
  },
  "begins no attempt before its time": {
    given: { ...deploying, task: task("Deploy", "Failed", { rests: true }) },
    expect: { stalled: "TaskFailed" },
  },
  "ends a task whose machine has been off for a while": {
    given: { ...deploying, task: task("Deploy", "Running", { deserted: true }) },
    expect: {
      actions: [
        {
          ...{ kind: "endTask", state: "Expired", why: "deserted" },
          task: { type: "Deploy", epoch: 1, attempt: 1 },
        },
      ],
    },
  },
  "keeps a reboot in mind while it cannot see the machine": {
    given: { ...deployed, asked: ["reboot"], running: "unknown", bmc: "BmcUnreachable" },
    expect: { stalled: "BmcUnreachable" },
  },
  "learns a machine's new identity when a person says so": {
    given: { ...deployed, identity: "changed", asked: ["acceptHardware"] },
    expect: { accepted: true, answered: ["acceptHardware"] },
  },
  "touches neither of two machines that claim one MAC": {
    given: { holder: "static", image, duplicate: "DuplicateMac" },
    expect: { stalled: "DuplicateMac" },
  },
  "waits for an image that is not there, and says so": {
    given: { holder: "static", trouble: "ImageNotFound" },
    expect: { stalled: "ImageNotFound" },
  },
  "does not enroll into a zone that is not there": {
    given: { ...stranger, trouble: "ZoneNotFound" },
    expect: { stalled: "ZoneNotFound" },
  },
  "makes no further attempt while what it needs is not there": {
    given: { ...deploying, task: task("Deploy", "Failed"), trouble: "SecretNotFound" },
    expect: { stalled: "SecretNotFound" },
  },
  "releases a machine of which nobody knows any more whose it was, when a person says so": {
    given: { phase: "New", holder: "none", disk: { image: "?" }, asked: ["release"] },
    expect: { phase: "Releasing", epoch: 2, actions: [record, create("Erase"), bootAgent] },
  },
  "looks at a machine again whose status was lost while its release was carried out": {
    given: { ...claimed, ...released, phase: "New", disk: "erased" },
    expect: { phase: "Commissioning", epoch: 2, actions: [create("Commission"), bootAgent] },
  },
  "finds a deployed machine again when its status was lost": {
    given: { ...deployed, phase: "New" },
    expect: { phase: "Deployed" },
  },
  "does not touch a stranger that is on": {
    given: { ...stranger, running: "os", adoption: "Adopt" },
    expect: { stalled: "AdoptionRequired" },
  },
  "takes the inventory of a stranger that is off": {
    given: stranger,
    expect: { phase: "Commissioning", epoch: 2, actions: [create("Commission"), bootAgent] },
  },
  "keeps data that was there before": {
    given: { ...inventoried, task: task("Commission", "Succeeded") },
    expect: { stalled: "AdoptionRequired" },
  },
  "gives data that was there before to the owner that adopts it": {
    given: {
      ...{ ...inventoried, holder: "static", adoption: "Adopt" },
      task: task("Commission", "Succeeded"),
    },
    expect: { phase: "Deployed" },
  },
  "erases data that was there before when a person says so": {
    given: { ...inventoried, adoption: "Wipe", task: task("Commission", "Succeeded") },
    expect: { phase: "Releasing", epoch: 2, actions: [record, create("Erase")] },
  },
};

describe("plan", () => {
  it.each(Object.entries(CASES))("%s", (_, { given, expect: difference }) => {
    const { phase, epoch } = machine(given);
    const rest = {
      phase,
      epoch,
      stalled: null,
      answered: [],
      ignored: [],
      ending: null,
      freed: false,
      accepted: false,
      actions: [],
    };
    expect(plan(machine(given))).toStrictEqual({ ...rest, ...difference });
  });
});
