import { KINDS } from "#api/group.ts";
import type { MachineTask } from "#api/machine-task.ts";
import type { Clock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { refOf } from "#base/object.ts";
import type { Cache } from "#kube/cache.ts";
import { isConflict, isUnreachable, type KubeClient } from "#kube/client.ts";
import { within } from "./deadline.ts";
import { refuse, type Verdict } from "./verdict.ts";

/** Design section 4: "the task is read live within 2 s". */
const LIVE = seconds(2);
/** How often a verdict is thought over because the task changed meanwhile. */
const TRIES = 4;

export interface TaskStoreDeps {
  readonly client: KubeClient;
  readonly cache: Cache<MachineTask>;
  readonly clock: Clock;
}

/** What came of a request: the verdict, and the task as it stands now. */
export interface Outcome {
  readonly verdict: Verdict;
  readonly task: MachineTask | null;
}

/** The zone's tasks: as the watch shows them, as they are, and the writing of their status. */
export class TaskStore {
  readonly #deps: TaskStoreDeps;
  /** Task uid → when it was last written by this rack. */
  readonly #written = new Map<string, number>();

  constructor(deps: TaskStoreDeps) {
    this.#deps = deps;
  }

  cached(key: string): MachineTask | null {
    return this.#deps.cache.get(key) ?? null;
  }

  /** @throws {@link ApiError} also where no answer comes within 2 s */
  async live(key: string, signal: AbortSignal): Promise<MachineTask | null> {
    const { client, cache, clock } = this.#deps;
    const read = (limited: AbortSignal) =>
      client.get<MachineTask>(KINDS.machineTask, refOf(key), limited);
    const task = await within(LIVE, read, clock, signal);
    if (task !== null) cache.observeWrite(task);
    return task;
  }

  /** When this rack last wrote the task; 0: never. */
  lastWrite(task: MachineTask): number {
    return this.#written.get(task.metadata.uid) ?? 0;
  }

  /** As if it had been written now: progress waits from the beginning of a task on. */
  touch(task: MachineTask): void {
    this.#written.set(task.metadata.uid, this.#deps.clock.now());
  }

  /** For who is told that a task is gone or has ended. */
  forget(uid: string): void {
    this.#written.delete(uid);
  }

  /**
   * Judges the task as it is in the API now, and persists what the verdict says to write.
   * @throws {@link ApiError} where the API does not answer: then nothing was granted
   */
  async decide(
    key: string,
    uid: string,
    judge: (task: MachineTask) => Verdict,
    signal: AbortSignal,
  ): Promise<Outcome> {
    for (let tries = 1; ; tries++) {
      const task = await this.live(key, signal);
      if (task?.metadata.uid !== uid) return { verdict: refuse("NoSuchTask"), task: null };
      const outcome = await this.#carryOut(task, judge(task), tries < TRIES, signal);
      if (outcome !== null) return outcome;
    }
  }

  /**
   * The same from the cache, to spare the API a read for each report. A refusal, or a write that is
   * refused, may come from an old view: then the task is read live.
   */
  async decideFromCache(
    key: string,
    uid: string,
    judge: (task: MachineTask) => Verdict,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const task = this.cached(key);
    if (task?.metadata.uid === uid) {
      const verdict = judge(task);
      if (verdict.kind === "Go") {
        const outcome = await this.#carryOut(task, verdict, true, signal);
        if (outcome !== null) return outcome;
      }
    }
    return this.decide(key, uid, judge, signal);
  }

  /** `null`: the task changed, or the answer was lost: look at it again. */
  async #carryOut(
    task: MachineTask,
    verdict: Verdict,
    again: boolean,
    signal: AbortSignal,
  ): Promise<Outcome | null> {
    if (verdict.write === undefined) return { verdict, task };
    try {
      return { verdict, task: await this.#write(task, verdict.write, signal) };
    } catch (error) {
      if (again && !signal.aborted && (isConflict(error) || isUnreachable(error))) return null;
      throw error;
    }
  }

  async #write(
    { metadata }: MachineTask,
    status: NonNullable<Verdict["write"]>,
    signal: AbortSignal,
  ): Promise<MachineTask> {
    const { client, cache } = this.#deps;
    const { resourceVersion } = metadata;
    const options = { subresource: "status", resourceVersion } as const;
    const kind = KINDS.machineTask;
    const task = await client.mergePatch<MachineTask>(kind, metadata, { status }, options, signal);
    this.touch(task);
    cache.observeWrite(task); // whose listeners forget it where this was its end
    return task;
  }
}
