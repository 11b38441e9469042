import type { MachineTask } from "#api/machine-task.ts";
import { ENDED_STATES } from "#lifecycle/facts.ts";

interface Life {
  readonly name: string;
  readonly machine: string;
  readonly type: MachineTask["spec"]["type"];
  /** Each state that it was seen in, in the order in which it came. */
  readonly states: string[];
  readonly grants: Set<string>;
}

/**
 * What every MachineTask went through. Fed by a watch, which shows each version of an object: what
 * is missing here did not happen.
 */
export class History {
  readonly #lives = new Map<string, Life>();
  #changes = 0;

  /** Of any task's state; that it was made is the first. */
  get changes(): number {
    return this.#changes;
  }

  saw({ metadata, spec, status }: MachineTask): void {
    const life = this.#lives.get(metadata.uid) ?? {
      name: metadata.name,
      machine: spec.machineRef.name,
      type: spec.type,
      states: [],
      grants: new Set(),
    };
    this.#lives.set(metadata.uid, life);
    const { grant } = status ?? {};
    if (grant !== undefined) life.grants.add(`${grant.bootNonce} of ${grant.agentKey}`);
    const state = status?.state ?? "Pending";
    if (life.states.at(-1) === state) return;
    life.states.push(state);
    this.#changes += 1;
  }

  /** How many tasks of that type were granted: each is a permission to write once. */
  granted(machine: string, type: Life["type"]): number {
    const all = [...this.#lives.values()];
    return all.filter((one) => one.machine === machine && one.type === type && one.grants.size > 0)
      .length;
  }

  made(machine: string, type: Life["type"]): number {
    const all = [...this.#lives.values()];
    return all.filter((one) => one.machine === machine && one.type === type).length;
  }

  /** What must never happen to a task, in words; none is what a test expects. */
  wrongs(): readonly string[] {
    return [...this.#lives.values()].flatMap(({ name, states, grants }) => {
      const starts = states.filter((state) => state === "Running").length;
      const ended = states.findIndex((state) =>
        (ENDED_STATES as readonly string[]).includes(state),
      );
      const after = ended < 0 ? [] : states.slice(ended + 1);
      const road = states.join(" → ");
      return [
        ...(starts > 1 ? [`${name} was Running more than once: ${road}`] : []),
        ...(after.length > 0 ? [`${name} changed after its end: ${road}`] : []),
        ...(grants.size > 1 ? [`${name} was granted ${grants.size} times`] : []),
      ];
    });
  }
}
