import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { seconds } from "#base/duration.ts";
import { prometheusMetrics } from "./prometheus.ts";

it("shows the runtime under the names that controller-runtime's dashboards know", async () => {
  const registry = new Registry();
  const metrics = prometheusMetrics(registry);
  metrics.queueDepth("machine", 3);
  metrics.queueAdded("machine");
  metrics.queueRetried("machine");
  metrics.queueWaited("machine", seconds(0.5));
  metrics.queueWorked("machine", seconds(2));
  metrics.queueRunning("machine", () => [1_000, 3_000]);
  metrics.workers("machine", 32);
  metrics.reconciled("machine", "error", seconds(2));
  metrics.activeWorkers("machine", 1);
  metrics.leading("operator", true);
  metrics.requested("PATCH", 200, seconds(0.01));
  metrics.requested("PATCH", 0, seconds(30));
  const lines = (await registry.metrics()).split("\n");
  expect(lines).toEqual(
    expect.arrayContaining([
      'workqueue_depth{name="machine"} 3',
      'workqueue_adds_total{name="machine"} 1',
      'workqueue_retries_total{name="machine"} 1',
      'workqueue_queue_duration_seconds_sum{name="machine"} 0.5',
      'workqueue_work_duration_seconds_sum{name="machine"} 2',
      'controller_runtime_reconcile_total{controller="machine",result="error"} 1',
      'controller_runtime_reconcile_errors_total{controller="machine"} 1',
      'controller_runtime_reconcile_time_seconds_count{controller="machine"} 1',
      'workqueue_unfinished_work_seconds{name="machine"} 4',
      'workqueue_longest_running_processor_seconds{name="machine"} 3',
      'controller_runtime_max_concurrent_reconciles{controller="machine"} 32',
      'controller_runtime_active_workers{controller="machine"} 1',
      'leader_election_master_status{name="operator"} 1',
      'rest_client_requests_total{method="PATCH",code="200"} 1',
      'rest_client_requests_total{method="PATCH",code="<error>"} 1',
    ]),
  );
});
