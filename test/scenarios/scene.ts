/**
 * Where scenarios are played: a data centre of simulated machines behind the real API server, under
 * the permissions of config/rbac, and a watch on everything that happens in it.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { CORE, KINDS, zoneNamespace } from "#api/group.ts";
import type { Machine, MachineSpec } from "#api/machine.ts";
import type { MachineTask } from "#api/machine-task.ts";
import { systemClock } from "#base/clock.ts";
import { type Duration, seconds } from "#base/duration.ts";
import { createLog } from "#base/log.ts";
import type { KubeObject } from "#base/object.ts";
import { ObjectCache } from "#kube/cache.ts";
import { KubeConfigConnection, loadKubeConfig } from "#kube/connection.ts";
import { HttpKubeClient } from "#kube/http-client.ts";
import { noMetrics } from "#kube/metrics.ts";
import { Reflector } from "#kube/reflector.ts";
import type { MachineView } from "#sim/admin.ts";
import type { MachineConfig } from "#sim/fleet.ts";
import { useCluster } from "#test/cluster/harness.ts";
import {
  bmcSecret,
  type Manifest,
  machine,
  NAMESPACE,
  osImage,
  zone,
} from "../../tools/room/manifests.ts";
import { sweep } from "../../tools/room/objects.ts";
import { openRoom, type Room, type RoomOptions } from "../../tools/room/room.ts";
import { History } from "./history.ts";

/** Long enough on a busy machine; what takes so long has failed. */
const PATIENCE = seconds(90);

/** For `beforeAll` and `afterAll`: one room for all the scenarios of a file. */
export function useScene(options: SceneOptions): () => Scene {
  let scene: Scene | undefined;
  beforeAll(async () => {
    scene = await Scene.open(options);
  });
  afterAll(() => scene?.[Symbol.asyncDispose]());
  return () => {
    if (scene === undefined) throw new Error("the scene is there inside tests only");
    return scene;
  };
}

export type SceneOptions = Omit<RoomOptions, "rows" | "speed"> & {
  readonly zone: string;
  readonly machines: number;
  readonly speed?: number;
};

export class Scene implements AsyncDisposable {
  readonly room: Room;
  readonly zone: string;
  readonly history = new History();
  readonly machines = new ObjectCache<Machine>();
  readonly tasks = new ObjectCache<MachineTask>();
  readonly client: HttpKubeClient;
  readonly #stop = new AbortController();
  #taken = 0;
  #pokes = 0;
  readonly #applied: Manifest[] = [];

  static async open({ zone, machines, speed = 200, ...options }: SceneOptions): Promise<Scene> {
    const stop = new AbortController();
    const { kubeconfig } = useCluster();
    const rows = [{ zone, machines }];
    const room = await openRoom({ cluster: { kubeconfig }, ...options, rows, speed }, stop.signal);
    const scene = new Scene(room, zone);
    await scene.#watch();
    return scene;
  }

  private constructor(room: Room, zone: string) {
    this.room = room;
    this.zone = zone;
    this.client = new HttpKubeClient({
      connection: new KubeConfigConnection(loadKubeConfig(room.cluster.kubeconfig), systemClock),
      clock: systemClock,
      metrics: noMetrics,
      userAgent: "scenarios",
    });
  }

  /** Ends with the scene: for whatever a test asks of it. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  async #watch(): Promise<void> {
    const { client, machines, tasks, signal } = this;
    const log = createLog("scenarios", "error");
    const options = { client, clock: systemClock, random: Math.random, log, metrics: noMetrics };
    tasks.onChange((_, task) => task !== undefined && this.history.saw(task));
    void new Reflector({ ...options, resource: KINDS.machine, cache: machines }).run(signal);
    void new Reflector({ ...options, resource: KINDS.machineTask, cache: tasks }).run(signal);
    await Promise.all([machines.synced(signal), tasks.synced(signal)]);
  }

  /** What the rack counted so far, e.g. of ("dhcp", "Malformed"). */
  async counted(part: string, event: string): Promise<number> {
    const rack = this.room.racks.get(this.zone);
    const port = await rack?.line((text) => /"healthPort":(\d+)/.exec(text)?.[1], this.signal);
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const line = `steelyard_rack_events_total{part="${part}",event="${event}"}`;
    const found = text.split("\n").find((one) => one.startsWith(line));
    return Number(found?.slice(line.length) ?? 0);
  }

  /** Where the zone's rack is: the address that its machines reach. */
  async rackAddress(): Promise<string> {
    const rack = this.room.racks.get(this.zone);
    const found = await rack?.line(
      (text) => /"endpoints":\[\{"address":"([^"]+)"/.exec(text)?.[1],
      this.signal,
    );
    return found ?? "";
  }

  /** A server that no test has used yet. */
  server(): MachineConfig {
    const server = this.room.servers.get(this.zone)?.[this.#taken++];
    if (server === undefined) throw new Error("give the scene more machines");
    return server;
  }

  manifest(server: MachineConfig, spec: Parameters<typeof machine>[2] = {}): Manifest {
    return machine(server, this.zone, spec);
  }

  /** What somebody else applied, or a controller made, and what is to go with the scene. */
  goesToo(manifests: readonly Manifest[]): void {
    this.#applied.push(...manifests);
  }

  async apply(manifest: Manifest): Promise<void> {
    this.#applied.push(manifest);
    await this.room.apply(manifest);
  }

  /** Applies the Machine of a server. */
  async enrol(server: MachineConfig, spec: Parameters<typeof machine>[2] = {}): Promise<string> {
    await this.apply(this.manifest(server, spec));
    return server.name;
  }

  /** Applies it with the room's image, and waits until that runs. */
  async deployed(server: MachineConfig, spec: Parameters<typeof machine>[2] = {}): Promise<string> {
    await this.enrol(server, { deploy: { imageRef: { name: this.room.image.name } }, ...spec });
    await this.phase(server.name, "Deployed");
    return server.name;
  }

  get(name: string): Machine | undefined {
    return this.machines.get(`${NAMESPACE}/${name}`);
  }

  /** As a person edits it with kubectl. */
  edit(name: string, spec: object): Promise<Machine> {
    const at = { namespace: NAMESPACE, name };
    return this.client.mergePatch<Machine>(KINDS.machine, at, { spec }, {}, this.signal);
  }

  /** Has the operator look at it once more, as any change of its spec does. */
  async poke(name: string): Promise<void> {
    const { metadata } = await this.edit(name, { asset: { tag: `poked-${this.#pokes++}` } });
    const asked = metadata.generation ?? 0;
    await this.until(name, "looked at", ({ status }) => (status?.observedGeneration ?? 0) >= asked);
  }

  /** As `kubectl delete`, which waits. */
  async delete(name: string): Promise<void> {
    const at = { namespace: NAMESPACE, name };
    await this.client.delete(KINDS.machine, at, {}, this.signal);
    await this.gone(name);
  }

  /** Waits until there is no such Machine. */
  async gone(name: string): Promise<void> {
    while (this.get(name) !== undefined) await systemClock.sleep(seconds(0.1), this.signal);
  }

  /** `spec.bmc` of its Machine. */
  bmcOf(server: MachineConfig): MachineSpec["bmc"] {
    const { spec } = this.manifest(server);
    return (spec as MachineSpec).bmc;
  }

  seen(name: string): Promise<MachineView> {
    return this.room.admin.machine(name, this.signal);
  }

  tasksOf(name: string): readonly MachineTask[] {
    const mine = [...this.tasks.list()].filter(({ spec }) => spec.machineRef.name === name);
    return mine.toSorted((a, b) => a.spec.epoch - b.spec.epoch || a.spec.attempt - b.spec.attempt);
  }

  /** The copy of a task's user data in the zone's namespace; null: it is not there. */
  seedOf(task: MachineTask | undefined): Promise<KubeObject | null> {
    const name = task?.spec.deploy?.seedSecret;
    if (name === undefined) throw new Error(`${task?.metadata.name} has no user data`);
    const at = { namespace: zoneNamespace(this.zone), name };
    return this.client.get<KubeObject>(CORE.secret, at, this.signal);
  }

  phase(name: string, phase: NonNullable<Machine["status"]>["phase"]): Promise<Machine> {
    return this.until(name, `${phase}`, ({ status }) => status?.phase === phase);
  }

  /** Resolves to the message that goes with it. */
  async stalled(name: string, reason: string): Promise<string> {
    const found = await this.until(name, `Stalled ${reason}`, (one) => stallOf(one) === reason);
    return conditionOf(found, "Ready")?.message ?? "";
  }

  /** Resolves to the first version of the Machine, from now on, of which it is true. */
  until(
    name: string,
    what: string,
    holds: (machine: Machine) => boolean,
    patience: Duration = PATIENCE,
  ): Promise<Machine> {
    const key = `${NAMESPACE}/${name}`;
    return this.#first(
      this.machines,
      patience,
      () => `${name}: ${what}; ${this.#tell(name)}`,
      (at, one) => at === key && holds(one),
    );
  }

  untilTask(
    name: string,
    what: string,
    holds: (task: MachineTask) => boolean,
    patience: Duration = PATIENCE,
  ): Promise<MachineTask> {
    return this.#first(
      this.tasks,
      patience,
      () => `${name}: ${what}; ${this.#tell(name)}`,
      (_, one) => one.spec.machineRef.name === name && holds(one),
    );
  }

  #first<T extends Machine | MachineTask>(
    cache: ObjectCache<T>,
    patience: Duration,
    what: () => string,
    holds: (key: string, object: T) => boolean,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let end: (() => void) | undefined;
      const timer = setTimeout(() => {
        end?.();
        reject(new Error(`not within ${patience / 1_000} s: ${what()}`));
      }, patience);
      const look = (key: string, object: T | undefined): void => {
        if (object === undefined || !holds(key, object)) return;
        clearTimeout(timer);
        end?.();
        resolve(object);
      };
      end = cache.onChange(look);
    });
  }

  #tell(name: string): string {
    const one = this.get(name);
    const tasks = this.tasksOf(name).map(
      ({ metadata, status }) =>
        `${metadata.name} ${status?.state ?? "Pending"} ${status?.message ?? ""}`,
    );
    const { phase } = one?.status ?? {};
    const message = one === undefined ? "" : conditionOf(one, "Ready")?.message;
    return JSON.stringify({ phase, stalled: one && stallOf(one), message, tasks });
  }

  /** Leaves the control plane as it was, for the next file; what is left of a zone does no harm. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of [this.room.operator, ...this.room.racks.values()]) {
      await program[Symbol.asyncDispose]();
    }
    const forbidden = await this.#forbidden();
    await sweep(this.room.cluster, [...this.#applied, ...this.#given()]);
    this.#stop.abort();
    await this.room[Symbol.asyncDispose]();
    if (forbidden.length > 0) throw new Error(`forbidden by RBAC: ${forbidden[0]}`);
  }

  /** What the API server forbade our programs: the permissions of config/rbac must suffice. */
  async #forbidden(): Promise<readonly string[]> {
    const { folder } = this.room;
    const logs = (await readdir(folder)).filter((name) => name.endsWith(".log"));
    const texts = await Promise.all(logs.map((name) => readFile(join(folder, name), "utf8")));
    return texts.flatMap((text) => text.split("\n").filter(isForbidden));
  }

  /** What the room itself applied. */
  #given(): readonly Manifest[] {
    const { image } = this.room;
    return [osImage(image), bmcSecret({ username: "", password: "" }), zone(this.zone, {})];
  }
}

export type Spec = Partial<MachineSpec>;

export const conditionOf = ({ status }: Machine, type: string) =>
  status?.conditions?.find((condition) => condition.type === type);

/** The reason why it stands still, if it does. */
export function stallOf(machine: Machine): string | null {
  const stalled = conditionOf(machine, "Stalled");
  return stalled?.status === "True" ? stalled.reason : null;
}

/** Orders of a BMC that change the power of a machine. */
export const resetsOf = ({ counters }: MachineView): number =>
  Object.values(counters.resets).reduce((sum, times) => sum + times, 0);

/**
 * RBAC says so in these words; a namespace that is ending, and a policy, in others. Secrets are a
 * namespace's own to open: a tenant's RoleBinding may come later than what needs it.
 */
const isForbidden = (line: string): boolean =>
  line.includes('"code":403') &&
  /cannot \w+ resource/.test(line) &&
  !/resource \W*secrets/.test(line);
