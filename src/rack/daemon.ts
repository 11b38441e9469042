/** The rack: netboot servers, image cache and agent API, fed from its view of the Kubernetes API. */
import { ZONE_LABEL, zoneNamespace } from "#api/group.ts";
import type { RackStatus } from "#api/rack.ts";
import type { Clock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import { ImageCache } from "#images/cache.ts";
import type { KubeClient } from "#kube/client.ts";
import { heartbeat } from "#kube/lease.ts";
import type { RuntimeMetrics } from "#kube/metrics.ts";
import { prefetchFor } from "./artifacts.ts";
import { BootCounter } from "./boot-counter.ts";
import { BootKeys } from "./boot-keys.ts";
import type { RackConfig } from "./config.ts";
import type { Desk } from "./desk.ts";
import { Discovered } from "./discovered.ts";
import { hasEnded } from "./due-task.ts";
import { type Endpoint, endpointFor, rackUrlOf } from "./endpoints.ts";
import type { TftpFolders } from "./files.ts";
import { type Caches, createCaches, reflectors } from "./follow.ts";
import { grubConfig } from "./grub.ts";
import { scripts, serveHealth, serveInterface } from "./listen.ts";
import { Looks } from "./looks.ts";
import { startNetboot } from "./netboot.ts";
import type { PhoneCall } from "./phone-home.ts";
import type { PlainDeps } from "./plain-http.ts";
import { RackObject } from "./rack-status.ts";
import { SeenTimes } from "./signature.ts";
import { TaskStore } from "./task-store.ts";
import { machinesByMac } from "./view.ts";
import { Waiters } from "./waiters.ts";
import { waitForZoneKeys, type ZoneKeys } from "./zone-keys.ts";

export interface RackDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  /** Milliseconds that never go back. */
  readonly monotonic: () => number;
  readonly random: () => number;
  /** 128 random bits, URL-safe. */
  readonly nonce: () => string;
  readonly log: Log;
  readonly runtimeMetrics: RuntimeMetrics;
  /** What happened, e.g. ("grant", "Deploy") or ("dhcp", "Malformed"). */
  readonly count: (part: string, event: string) => void;
  /** In Prometheus' text format. */
  readonly metrics: () => Promise<string>;
  readonly onPhoneHome?: (call: PhoneCall) => void;
}

/** A rack that serves. Disposing of it stops all of it and waits for that. */
export interface RunningRack extends AsyncDisposable {
  readonly endpoints: readonly Endpoint[];
  readonly tftpPorts: readonly number[];
  readonly healthPort: number;
  /** Resolves once its first view of the API is complete. */
  ready(signal: AbortSignal): Promise<void>;
}

/**
 * Starts a rack; resolves once everything listens. It waits for its zone's keys, and for nothing
 * else: with the API away it answers what is safe. Stops with the signal.
 */
export async function startRack(
  config: RackConfig,
  deps: RackDeps,
  signal: AbortSignal,
): Promise<RunningRack> {
  const { client, clock, log, runtimeMetrics: metrics } = deps;
  const stop = new AbortController();
  const running = AbortSignal.any([signal, stop.signal]);
  await using opening = new AsyncDisposableStack();
  const loops: Promise<unknown>[] = [];
  opening.defer(async () => {
    stop.abort();
    await Promise.allSettled(loops);
  });
  /** A loop that ends by itself is a bug: the log says so, and the rest goes on. */
  const go = (work: Promise<unknown>): void => {
    const ended = (err: unknown): void => {
      if (!running.aborted) log.error({ err }, "a part of the rack has ended");
    };
    loops.push(work.catch(ended));
  };

  const caches = createCaches();
  for (const each of reflectors(config.zone, caches, { ...deps, metrics })) go(each.run(running));
  const { imageDir: dir, imageBytes: maxBytes } = config;
  const stall = seconds(config.imageStallSeconds);
  const images = await ImageCache.open({ dir, maxBytes, stall, clock, log }, running);
  const keys = await waitForZoneKeys(config.zone, { client, clock, log }, running);

  const endpoints: Endpoint[] = [];
  const endpoint = (remote: string) =>
    endpointFor(endpoints, caches.zones.get(config.zone), remote);
  const desk = createDesk(config, caches, keys, endpoint, deps, running);
  const plain: PlainDeps = {
    ...{ desk, images, config, caCert: keys.caCert },
    script: scripts(config, keys, endpoint),
    onPhoneHome: deps.onPhoneHome ?? (() => undefined),
  };
  for (const each of config.interfaces) {
    endpoints.push(await serveInterface(each, opening, { config, desk, keys, plain }, running));
  }
  const discovered = new Discovered();
  const grub: TftpFolders["grub"] = (client, isRetry) =>
    grubConfig(client, isRetry, plain, running);
  const wired = { config, caches, endpoints, discovered, grub, deps };
  const tftpPorts = await startNetboot(opening, go, wired, running);
  const isReady = (): boolean => Object.values(caches).every((cache) => cache.isSynced);
  const health = await serveHealth(config, { isReady, metrics: deps.metrics }, desk, running);
  opening.use(health);

  wakeWaiters(caches, desk);
  forgetEnded(caches, desk);
  prefetchFor(caches, images);
  const status = (): RackStatus => statusOf(config, images, discovered, caches);
  const debounce = seconds(config.statusSeconds);
  const { zone, name } = config;
  go(new RackObject({ client, clock, log, name, zone, status, debounce }).run(running));
  go(heartbeat(heartbeatOf(config, deps), running));
  const stack = opening.move();
  return {
    endpoints,
    tftpPorts,
    healthPort: health.port,
    ready: async (limited) => {
      await Promise.all(Object.values(caches).map((cache) => cache.synced(limited)));
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function createDesk(
  { zone, name, lingerSeconds }: RackConfig,
  caches: Caches,
  { hmacKey }: ZoneKeys,
  endpoint: (remote: string) => Endpoint,
  deps: RackDeps,
  process: AbortSignal,
): Desk {
  const { client, clock, log, nonce, count } = deps;
  return {
    ...{ zone, rack: name, hmacKey, client, clock, log, nonce, count, lingerSeconds, process },
    view: caches,
    tasks: new TaskStore({ client, cache: caches.tasks, clock }),
    boots: new BootCounter(clock),
    keys: new BootKeys(clock),
    looks: new Looks(),
    waiters: new Waiters(),
    seen: new SeenTimes(),
    inventoried: new Set(),
    rackUrl: (remote) => rackUrlOf(endpoint(remote)),
  };
}

/** Agents that wait for an order hear of a new task at once. */
function wakeWaiters({ tasks }: Caches, { waiters }: Desk): void {
  tasks.onChange((_, task) => {
    if (task !== undefined) waiters.wake(task.spec.machineRef.uid);
  });
}

/** What is remembered of a task goes when it has ended. */
function forgetEnded(caches: Caches, desk: Desk): void {
  caches.tasks.onChange((_, task, previous) => {
    const ended = task ?? previous;
    if (ended === undefined || (task !== undefined && !hasEnded(task))) return;
    const { uid } = ended.metadata;
    desk.boots.progressed(uid);
    desk.inventoried.delete(uid);
    desk.tasks.forget(uid);
  });
}

function statusOf(
  { node, version, interfaces, netboot }: RackConfig,
  images: ImageCache,
  discovered: Discovered,
  caches: Caches,
): RackStatus {
  return {
    ...(node !== undefined && { node }),
    ...(version !== undefined && { version }),
    addresses: interfaces.map(({ address }) => address),
    roles: netboot === "On" ? ["DHCP", "ProxyDHCP", "TFTP", "HTTP", "Images"] : ["HTTP", "Images"],
    images: [...images.states()].slice(0, 256),
    discovered: discovered.list((mac) => machinesByMac(caches, mac).length > 0),
  };
}

const heartbeatOf = ({ zone, name, heartbeatSeconds }: RackConfig, deps: RackDeps) => ({
  client: deps.client,
  clock: deps.clock,
  log: deps.log,
  metadata: {
    name: `rack-${name}`,
    namespace: zoneNamespace(zone),
    labels: { [ZONE_LABEL]: zone },
  },
  holder: name,
  interval: seconds(heartbeatSeconds),
  duration: seconds(heartbeatSeconds * 4),
});
