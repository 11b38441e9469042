import type { Outcome } from "#agent/task/context.ts";
import { runTask } from "#agent/task/run.ts";
import type { Order, Report } from "#api/agent.ts";
import type { Hardware } from "./hardware.ts";
import type { Rack } from "./rack.ts";
import { Reporter } from "./reporter.ts";
import { type RetryDeps, retrying } from "./retry.ts";
import { Refused, TaskError } from "./task-error.ts";

export interface CarryOutDeps extends RetryDeps {
  readonly hardware: Hardware;
}

/** "Wait" for another order, or leave the agent. */
export type Next = "Wait" | "Reboot" | "PowerOff";

const MESSAGE_CHARS = 512;

/**
 * Runs one order and sees that its end is persisted, however long that takes: the machine does not
 * leave RAM before. Rejects with `Refused` when the rack says that there is no grant any more.
 */
export async function carryOut(
  order: Order,
  rack: Rack,
  deps: CarryOutDeps,
  signal: AbortSignal,
): Promise<Next> {
  const refusal = new AbortController();
  const running = AbortSignal.any([signal, refusal.signal]);
  const send = (report: Report, until: AbortSignal): Promise<void> => rack.report(report, until);
  const outcome = await runReported(order, rack, { ...deps, send }, refusal, running);
  running.throwIfAborted();

  deps.log(`${order.task}: ${outcome.state} ${outcome.reason ?? ""} ${outcome.message ?? ""}`);
  await retrying(() => rack.report(outcome, signal), Number.POSITIVE_INFINITY, deps, signal);
  return next(order, outcome.state);
}

function next(order: Order, state: Report["state"]): Next {
  if (state === "Failed") return "PowerOff";
  return order.type === "Deploy" ? "Reboot" : "Wait";
}

async function runReported(
  order: Order,
  rack: Rack,
  deps: CarryOutDeps & ConstructorParameters<typeof Reporter>[1],
  refusal: AbortController,
  signal: AbortSignal,
): Promise<Report> {
  const refuse = (error: unknown): void => refusal.abort(error);
  await using reporter = new Reporter(order.task, deps, refuse, signal);
  const { progress } = reporter;
  const log = (line: string): void => {
    progress.note(line);
    deps.log(line);
  };
  try {
    const outcome = await runTask(order, { ...deps, rack, progress, log }, signal);
    return { ...reporter.report, ...outcome };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Refused) throw error;
    return { ...reporter.report, ...failed(error) };
  }
}

function failed(error: unknown): Outcome {
  const reason = error instanceof TaskError ? error.reason : "AgentFailed";
  const message = (error instanceof Error ? error.message : String(error)).slice(0, MESSAGE_CHARS);
  return { state: "Failed", reason, message };
}
