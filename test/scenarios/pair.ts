import { readFile } from "node:fs/promises";
import { systemClock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { LEASES, type Lease, type LeaseSpec } from "#kube/lease.ts";
import type { Wire } from "#test/fakes/wire.ts";
import type { Program } from "../../tools/room/program.ts";
import type { Scene } from "./scene.ts";
import { wired } from "./wired.ts";

/** An operator, and the only way that it has to the API server. */
export interface Replica {
  readonly program: Program;
  readonly wire: Wire;
}

export interface TakeOver {
  readonly to: string;
  /** From the last renewal of who led before, in ms, by the clock that both share here. */
  readonly after: number;
}

const LEASE = { namespace: "steelyard-system", name: "steelyard-operator" };

/** Two operators of one room, each over a wire of its own; the room's first one goes. */
export class Pair implements AsyncDisposable {
  readonly #scene: Scene;
  #replicas: readonly Replica[] = [];

  private constructor(scene: Scene) {
    this.#scene = scene;
  }

  static async start(scene: Scene): Promise<Pair> {
    await scene.room.operator[Symbol.asyncDispose]();
    const pair = new Pair(scene);
    await Promise.all([pair.add(), pair.add()]);
    return pair;
  }

  /** Resolves when it has seen what there is, and could lead. */
  async add(): Promise<void> {
    const { room, signal } = this.#scene;
    const { wire, kubeconfig } = await wired(room, room.installed.operatorKubeconfig);
    const program = room.startOperator(["--kubeconfig", kubeconfig]);
    this.#replicas = [...this.#replicas, { program, wire }];
    const port = await program.line((text) => /"metricsPort":(\d+)/.exec(text)?.[1], signal);
    while (!(await isReady(`http://127.0.0.1:${port}/readyz`))) {
      await systemClock.sleep(seconds(0.05), signal);
    }
  }

  /** It has ended. */
  async drop({ program, wire }: Replica): Promise<void> {
    this.#replicas = this.#replicas.filter((one) => one.program !== program);
    await wire[Symbol.asyncDispose]();
  }

  async leader(): Promise<Replica> {
    for (;;) {
      const { holderIdentity } = await this.#lease();
      const found = this.#replicas.find(({ program }) => program.name === holderIdentity);
      if (found !== undefined) return found;
      await systemClock.sleep(seconds(0.05), this.#scene.signal);
    }
  }

  /** Waits until another one leads. */
  async takenOver({ program }: Replica): Promise<TakeOver> {
    let renewed = 0;
    for (;;) {
      const { holderIdentity: to = "", renewTime = "", acquireTime = "" } = await this.#lease();
      if (to !== program.name) return { to, after: Date.parse(acquireTime) - renewed };
      renewed = Date.parse(renewTime);
      await systemClock.sleep(seconds(0.02), this.#scene.signal);
    }
  }

  /** Requests that BMCs got from it, as the simulator counts them. */
  async asked({ program }: Replica): Promise<number> {
    const views = await this.#scene.room.admin.machines(this.#scene.signal);
    return views.reduce((sum, { bmc }) => sum + (bmc.by[`steelyard/${program.name}`] ?? 0), 0);
  }

  /** How often it has given up the lead so far. */
  async resignations({ program }: Replica): Promise<number> {
    return (await readFile(program.logFile, "utf8")).split("no longer leading").length - 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { program, wire } of this.#replicas) {
      program.kill("SIGCONT");
      await program[Symbol.asyncDispose]();
      await wire[Symbol.asyncDispose]();
    }
  }

  async #lease(): Promise<LeaseSpec> {
    const { client, signal } = this.#scene;
    return (await client.get<Lease>(LEASES, LEASE, signal))?.spec ?? {};
  }
}

async function isReady(url: string): Promise<boolean> {
  return (await fetch(url)).ok;
}
