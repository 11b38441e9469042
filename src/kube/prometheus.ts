import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { Duration } from "#base/duration.ts";
import type { RuntimeMetrics } from "./metrics.ts";

/** The buckets of controller-runtime and of client-go's work queue, in seconds. */
const RECONCILE_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1,
  1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];
const QUEUE_BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100, 1_000];
const REQUEST_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/** {@link RuntimeMetrics} under the names that dashboards for controller-runtime look for. */
export function prometheusMetrics(registry: Registry): RuntimeMetrics {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
    new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name, help, labelNames, registers });
  const histogram = (
    name: string,
    help: string,
    labelNames: string[],
    buckets: number[],
  ): Histogram => new Histogram({ name, help, labelNames, buckets, registers });

  const depth = gauge("workqueue_depth", "Keys that could be taken now.", ["name"]);
  const adds = counter("workqueue_adds_total", "Keys added.", ["name"]);
  const retries = counter("workqueue_retries_total", "Keys added after a failure.", ["name"]);
  const waited = histogram(
    "workqueue_queue_duration_seconds",
    "From a key's being added to its being taken.",
    ["name"],
    QUEUE_BUCKETS,
  );
  const worked = histogram(
    "workqueue_work_duration_seconds",
    "How long a key was worked on.",
    ["name"],
    QUEUE_BUCKETS,
  );
  const total = counter("controller_runtime_reconcile_total", "Reconciles by result.", [
    "controller",
    "result",
  ]);
  const errors = counter("controller_runtime_reconcile_errors_total", "Reconciles that threw.", [
    "controller",
  ]);
  const time = histogram(
    "controller_runtime_reconcile_time_seconds",
    "Length of a reconcile.",
    ["controller"],
    RECONCILE_BUCKETS,
  );
  const workers = gauge("controller_runtime_active_workers", "Reconciles under way.", [
    "controller",
  ]);
  const most = gauge("controller_runtime_max_concurrent_reconciles", "Workers.", ["controller"]);
  const running = new Map<string, () => readonly number[]>();
  const agesOf = (name: string, help: string, sum: (ages: readonly number[]) => number): Gauge =>
    new Gauge({
      ...{ name, help, labelNames: ["name"], registers },
      collect() {
        for (const [queue, ages] of running) this.set({ name: queue }, sum(ages()) / 1_000);
      },
    });
  agesOf("workqueue_unfinished_work_seconds", "Of all keys worked on now, how long.", (ages) =>
    ages.reduce((sum, age) => sum + age, 0),
  );
  agesOf("workqueue_longest_running_processor_seconds", "The longest of them.", (ages) =>
    Math.max(0, ...ages),
  );
  const leads = gauge("leader_election_master_status", "1 while this process leads.", ["name"]);
  const requests = counter("rest_client_requests_total", "Requests to the API server.", [
    "method",
    "code",
  ]);
  const requestTime = histogram(
    "rest_client_request_duration_seconds",
    "From a request to the head of its answer.",
    ["verb"],
    REQUEST_BUCKETS,
  );
  const lists = counter("steelyard_relists_total", "Lists of a reflector.", ["resource"]);
  const dropped = counter("steelyard_events_dropped_total", "Events not written: too many.");

  return {
    queueDepth: (name, count) => depth.set({ name }, count),
    queueAdded: (name) => adds.inc({ name }),
    queueRetried: (name) => retries.inc({ name }),
    queueWaited: (name, duration) => waited.observe({ name }, inSeconds(duration)),
    queueWorked: (name, duration) => worked.observe({ name }, inSeconds(duration)),
    queueRunning: (name, ages) => void running.set(name, ages),
    workers: (controller, count) => most.set({ controller }, count),
    reconciled: (controller, result, duration) => {
      total.inc({ controller, result });
      if (result === "error") errors.inc({ controller });
      time.observe({ controller }, inSeconds(duration));
    },
    activeWorkers: (controller, count) => workers.set({ controller }, count),
    leading: (name, leading) => leads.set({ name }, leading ? 1 : 0),
    requested: (method, code, duration) => {
      requests.inc({ method, code: code === 0 ? "<error>" : String(code) }); // as client-go says it
      requestTime.observe({ verb: method }, inSeconds(duration));
    },
    relisted: (resource) => lists.inc({ resource }),
    eventDropped: () => dropped.inc(),
  };
}

const inSeconds = (time: Duration): number => time / 1_000;
