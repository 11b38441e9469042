import { KINDS } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineInventory } from "#api/machine-inventory.ts";
import type { MachineTask } from "#api/machine-task.ts";
import { systemClock } from "#base/clock.ts";
import { createLog } from "#base/log.ts";
import type { KubeObject, Resource } from "#base/object.ts";
import { ObjectCache } from "#kube/cache.ts";
import { KubeConfigConnection, loadKubeConfig } from "#kube/connection.ts";
import { HttpKubeClient } from "#kube/http-client.ts";
import { noMetrics } from "#kube/metrics.ts";
import { Reflector } from "#kube/reflector.ts";
import { NAMESPACE } from "../../tools/room/manifests.ts";
import type { Timeline } from "./timeline.ts";

/** What the API says, watched: every change of a phase or of a task is noted in the timeline. */
export interface View extends AsyncDisposable {
  readonly client: HttpKubeClient;
  machine(name: string): Machine | undefined;
  inventory(name: string): MachineInventory | undefined;
  /** Of a machine, oldest first, those too that are deleted by now. */
  tasks(machine: string): readonly MachineTask[];
  /** Resolves when `holds`; rejects with the signal's reason and what the machine says then. */
  until(name: string, what: string, holds: () => boolean, signal: AbortSignal): Promise<void>;
  phase(name: string, phase: string, signal: AbortSignal): Promise<Machine>;
}

export async function openView(kubeconfig: string, timeline: Timeline): Promise<View> {
  const stop = new AbortController();
  const client = new HttpKubeClient({
    connection: new KubeConfigConnection(loadKubeConfig(kubeconfig), systemClock),
    clock: systemClock,
    metrics: noMetrics,
    userAgent: "e2e",
  });
  const log = createLog("e2e", "error");
  const deps = { client, clock: systemClock, random: Math.random, log, metrics: noMetrics };
  const loops: Promise<unknown>[] = [];
  const follow = <T extends KubeObject>(resource: Resource): ObjectCache<T> => {
    const cache = new ObjectCache<T>();
    loops.push(new Reflector<T>({ ...deps, resource, cache }).run(stop.signal).catch(() => {}));
    return cache;
  };
  const machines = follow<Machine>(KINDS.machine);
  const tasks = follow<MachineTask>(KINDS.machineTask);
  const inventories = follow<MachineInventory>(KINDS.machineInventory);
  const known = new Map<string, MachineTask>();
  const listeners = new Set<() => void>();
  const wake = (): void => {
    for (const listener of [...listeners]) listener();
  };
  machines.onChange((_, now, before) => {
    for (const text of machineNews(now, before)) timeline.note(text);
    wake();
  });
  tasks.onChange((_, now, before) => {
    if (now !== undefined) known.set(now.metadata.uid, now);
    for (const text of taskNews(now, before)) timeline.note(text);
    wake();
  });
  inventories.onChange(wake);
  await Promise.all([machines, tasks, inventories].map((cache) => cache.synced(stop.signal)));
  const machine = (name: string) => machines.get(`${NAMESPACE}/${name}`);
  const until: View["until"] = (name, what, holds, signal) =>
    new Promise((resolve, reject) => {
      const end = (): void => {
        listeners.delete(look);
        signal.removeEventListener("abort", fail);
      };
      const fail = (): void => {
        end();
        const said = JSON.stringify(machine(name)?.status, null, 1);
        reject(new Error(`${name} never was ${what}: ${said}`, { cause: signal.reason }));
      };
      const look = (): void => {
        if (!holds()) return;
        end();
        resolve();
      };
      listeners.add(look);
      signal.addEventListener("abort", fail, { once: true });
      if (signal.aborted) fail();
      else look();
    });
  return {
    client,
    machine,
    inventory: (name) => inventories.get(`${NAMESPACE}/${name}`),
    tasks: (name) => [...known.values()].filter(({ spec }) => spec.machineRef.name === name),
    until,
    phase: async (name, phase, signal) => {
      await until(name, phase, () => machine(name)?.status?.phase === phase, signal);
      return machine(name) as Machine; // it was there just now
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all(loops);
    },
  };
}

function machineNews(now: Machine | undefined, before: Machine | undefined): string[] {
  const { phase, power, conditions = [] } = now?.status ?? {};
  const news: string[] = [];
  if (phase !== before?.status?.phase) news.push(`phase ${phase}`);
  if (power !== before?.status?.power) news.push(`power as read: ${power}`);
  const stalled = (of: Machine | undefined) =>
    of?.status?.conditions?.find(({ type, status }) => type === "Stalled" && status === "True");
  const reason = conditions.length > 0 ? stalled(now)?.reason : undefined;
  if (reason !== undefined && reason !== stalled(before)?.reason) {
    news.push(`Stalled: ${reason}: ${stalled(now)?.message}`);
  }
  return news;
}

function taskNews(now: MachineTask | undefined, before: MachineTask | undefined): string[] {
  if (now === undefined) return [];
  const { type, attempt } = now.spec;
  const name = `${type} ${attempt}`;
  const { state = "Pending", reason = "", message = "", steps = [] } = now.status ?? {};
  const ended = new Map(before?.status?.steps?.map((step) => [step.name, step.state]));
  const news = steps
    .filter((step) => ended.get(step.name) !== step.state)
    .map((step) => `${name}: step ${step.name} ${step.state}`);
  if (before === undefined || state !== (before.status?.state ?? "Pending")) {
    news.push(`${name}: ${state} ${reason} ${message}`.trimEnd());
  }
  return news;
}
