import { KINDS } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineTask } from "#api/machine-task.ts";
import { systemClock } from "#base/clock.ts";
import { createLog } from "#base/log.ts";
import type { KubeObject, Resource } from "#base/object.ts";
import { ObjectCache } from "#kube/cache.ts";
import { KubeConfigConnection, loadKubeConfig } from "#kube/connection.ts";
import { HttpKubeClient } from "#kube/http-client.ts";
import { noMetrics } from "#kube/metrics.ts";
import { Reflector } from "#kube/reflector.ts";
import { type Row, rowOf } from "./table.ts";

/** All Machines and their tasks, watched until it is disposed of. */
export interface MachineWatch extends Disposable {
  /** The table as of now, sorted by name. */
  rows(): readonly Row[];
}

export async function watchMachines(
  kubeconfig: string,
  signal: AbortSignal,
): Promise<MachineWatch> {
  const clock = systemClock;
  const connection = new KubeConfigConnection(loadKubeConfig(kubeconfig), clock);
  const client = new HttpKubeClient({ connection, clock, metrics: noMetrics, userAgent: "demo" });
  const log = createLog("demo", "error");
  const deps = { client, clock, random: Math.random, log, metrics: noMetrics };
  const stop = new AbortController();
  const follow = async <T extends KubeObject>(resource: Resource): Promise<ObjectCache<T>> => {
    const cache = new ObjectCache<T>();
    void new Reflector<T>({ ...deps, resource, cache }).run(stop.signal).catch(() => {});
    await cache.synced(signal);
    return cache;
  };
  const machines = await follow<Machine>(KINDS.machine);
  const tasks = await follow<MachineTask>(KINDS.machineTask);
  const taskOf = ({ metadata, status }: Machine): MachineTask | undefined =>
    status?.task && tasks.get(`${metadata.namespace}/${status.task.name}`);
  return {
    rows: () =>
      [...machines.list()]
        .map((machine) => rowOf(machine, taskOf(machine), clock.now()))
        .sort((a, b) => (a.machine < b.machine ? -1 : 1)),
    [Symbol.dispose]: () => stop.abort(),
  };
}
