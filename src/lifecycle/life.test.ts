import { describe, expect, it } from "vitest";
import { machine, TOTAL } from "#test/fakes/machines.ts";
import type { Facts, Task } from "./facts.ts";
import { ATTEMPTS } from "./guards.ts";
import { type Plan, plan } from "./plan.ts";
import { LIFECYCLE } from "./table.ts";
import type { Action } from "./tasks.ts";

/** How the world behaves once nobody asks for anything more. */
type Luck =
  /** Agents boot and succeed, systems end when they are asked to. */
  | "good"
  /** No agent ever comes up. */
  | "absent"
  /** Every agent fails at its work; systems hang. */
  | "failing";

const STRIDE = 359_987; // shares no factor with TOTAL: some two and a half thousand machines
const STEPS = 60;

/** The facts after one action was carried out. A command is heard: what is not, is done again. */
function done(facts: Facts, action: Action, luck: Luck): Facts {
  const { saw } = facts;
  const seen = (over: Partial<Facts["saw"]>): Facts => ({ ...facts, saw: { ...saw, ...over } });
  switch (action.kind) {
    case "createTask":
      return seen({ task: { ...action.intent, state: "Pending", late: false } });
    case "endTask":
      return seen({ task: saw.task && { ...saw.task, state: action.state, late: false } });
    case "bootAgent":
      return seen({ running: "os" });
    case "power":
      return seen({ running: action.want === "on" ? "os" : "nothing" });
    case "shutdown":
      return luck === "good" ? seen({ running: "nothing" }) : facts;
    default:
      return facts;
  }
}

/** What the machine itself does next: its agent, and the time that passes. */
function lived(facts: Facts, luck: Luck): Facts {
  const { task, ending } = facts.saw;
  const time = { overdue: false, ending: ending && { ...ending, late: true } };
  const off = facts.saw.running === "nothing";
  const rested = task && { ...task, rests: false, deserted: off };
  const saw = { ...facts.saw, ...time, task: rested };
  if (rested === null || off) return { ...facts, saw };
  return { ...facts, saw: { ...saw, ...worked(rested, facts, luck) } };
}

/** An agent's next step; where it was, and what it left on the disks. */
function worked(task: Task, { want, saw }: Facts, luck: Luck): Partial<Facts["saw"]> {
  const is = (state: Task["state"]): Task => ({ ...task, state });
  if (task.state === "Pending" && luck === "absent") return { task: { ...task, late: true } };
  const writes = task.type === "Deploy" || task.type === "Erase";
  const begins = task.state === "Pending" && task.type !== "Commission";
  if (begins) return { task: is("Running"), ...(writes && { disk: { image: null } }) };
  if (task.state === "Written") return { task: is("Succeeded") };
  if (task.type === "Rescue" || !["Pending", "Running"].includes(task.state)) return {};
  if (luck === "failing") return { task: is("Failed") };
  const disk = after(task, want.image, saw.disk);
  if (task.type === "Deploy") return { task: is("Written"), disk };
  return { task: is("Succeeded"), running: "agent", disk };
}

function after(task: Task, image: string | null, disk: Facts["saw"]["disk"]): Facts["saw"]["disk"] {
  if (task.type === "Erase") return "erased";
  if (task.type === "Deploy") return { image };
  return disk === "unknown" ? "foreign" : disk;
}

function next(facts: Facts, planned: Plan, luck: Luck): Facts {
  const { phase, epoch, answered, freed, accepted } = planned;
  const asked = facts.want.asked.filter((nonce) => !answered.includes(nonce));
  const hold = freed ? ({ holder: "none", order: null } as const) : {};
  const same = accepted && facts.saw.identity === "changed" ? ({ identity: "same" } as const) : {};
  const image = freed ? null : facts.want.image;
  const start: Facts = {
    ...{ phase, epoch, want: { ...facts.want, asked, image } },
    saw: { ...facts.saw, ...hold, ...same, ending: planned.ending },
  };
  const acted = planned.actions.reduce((now, action) => done(now, action, luck), start);
  return lived(acted, luck);
}

/** Why the machine may stay as it is, or null: it may not. */
function rest(facts: Facts, { phase, stalled }: Plan): string | null {
  const { want, saw } = facts;
  if (phase === "Deleting") return "gone";
  if (stalled !== null) return stalled;
  if (want.paused) return "paused";
  if (saw.running === "unknown") return "unseen"; // told by the BMC's reason, which these facts lack
  // It may wait for its holder to name an image; the net below it says so after a while.
  if (phase === "Allocated") return plan({ ...facts, saw: { ...saw, overdue: true } }).stalled;
  return LIFECYCLE[phase].deadline === null ? phase : null;
}

/** Lives on until nothing changes any more; why it rests then, or null: it never does. */
function end(start: Facts, luck: Luck): string | null {
  let facts = start;
  for (let step = 0; step < STEPS; step++) {
    const planned = plan(facts);
    const then = next(facts, planned, luck);
    if (planned.phase === "Deleting") return "gone";
    if (JSON.stringify(then) === JSON.stringify(facts)) return rest(facts, planned);
    facts = then;
  }
  return null;
}

const numbers = Array.from({ length: Math.floor(TOTAL / STRIDE) }, (_, i) => i * STRIDE);

describe("whatever a machine has been through", () => {
  it.each(["good", "absent", "failing"] as const)(
    "it comes to rest, or says why not, where the luck is %s",
    (luck) => {
      const lost = numbers.filter((number) => end(machine(number), luck) === null);
      expect(lost.slice(0, 3).map((number) => machine(number))).toEqual([]);
    },
  );

  it("is given up after so many attempts where every agent fails", () => {
    const start = machine(0);
    const want = { ...start.want, image: "sha256:abc", mode: "Active", asked: [] } as const;
    let facts: Facts = {
      ...start,
      ...{ phase: "Ready", want: { ...want, deleted: false, trouble: null, paused: false } },
      saw: { ...start.saw, holder: "static", order: null, disk: "erased", running: "nothing" },
    };
    let attempts = 0;
    for (let step = 0; step < STEPS; step++) {
      const planned = plan(facts);
      attempts += planned.actions.filter(({ kind }) => kind === "createTask").length;
      facts = next(facts, planned, "failing");
    }
    expect([facts.phase, attempts]).toEqual(["Broken", ATTEMPTS]);
  });
});
