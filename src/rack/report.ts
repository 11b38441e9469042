/** What an agent's report changes. Pure. */
import type { Report } from "#api/agent.ts";
import type { MachineTask, MachineTaskStatus } from "#api/machine-task.ts";
import { seconds } from "#base/duration.ts";
import { hasEnded, stateOf } from "./due-task.ts";
import { granted } from "./grant.ts";
import type { Session } from "./tokens.ts";
import { refuse, timestamp, type Verdict } from "./verdict.ts";

/** What the rack knows beside the task. */
export interface ReportContext {
  readonly rack: string;
  readonly now: number;
  /** When this task was last written, or granted; progress waits from then on. */
  readonly lastWrite: number;
  /** The machine's inventory is stored: without it no commissioning succeeds. */
  readonly hasInventory: boolean;
}

/** Progress is for people: it costs a write only where a task takes longer than this. */
export const PROGRESS = seconds(10);

export function judgeReport(
  task: MachineTask,
  session: Pick<Session, "nonce" | "agentKey">,
  report: Report,
  context: ReportContext,
): Verdict {
  const wanted = stateAsked(task, report);
  const mine = task.status?.grant?.bootNonce === session.nonce;
  if (hasEnded(task)) return mine && stateOf(task) === wanted ? { kind: "Go" } : refuse("Ended");
  if (!mayReport(task, session)) return refuse("OtherGrant");
  if (wanted === "Running") return progress(task, session, report, context);
  if (wanted === null) return refuse("WrongState");
  if (stateOf(task) === "Written") {
    return wanted === "Written" ? { kind: "Go" } : refuse("WrongState");
  }
  if (wanted === "Succeeded" && task.spec.type === "Commission" && !context.hasInventory) {
    return refuse("NoInventory");
  }
  const write = ended(wanted, report, context.now);
  return { kind: "Go", write: { ...grantIfMissing(task, session, context), ...write } };
}

type Asked = "Running" | "Written" | "Succeeded" | "Failed" | null;

/** The state that the report leads to; `null`: it makes no sense for such a task. */
function stateAsked(task: MachineTask, { state }: Report): Asked {
  if (state === "Running" || state === "Failed") return state;
  if (task.spec.type !== "Deploy") return state === "Succeeded" ? state : null;
  return task.spec.deploy?.readiness === "AgentDone" ? "Succeeded" : "Written";
}

/** Only the boot that holds the grant. A commissioning may have none yet: it only reads. */
function mayReport(task: MachineTask, { nonce }: Pick<Session, "nonce">): boolean {
  const grant = task.status?.grant;
  if (grant === undefined) return task.spec.type === "Commission";
  return grant.bootNonce === nonce;
}

function progress(
  task: MachineTask,
  session: Pick<Session, "nonce" | "agentKey">,
  report: Report,
  context: ReportContext,
): Verdict {
  if (stateOf(task) === "Written") return refuse("WrongState");
  const due = context.now - context.lastWrite >= PROGRESS;
  if (!due || JSON.stringify(report.steps) === JSON.stringify(task.status?.steps)) {
    return { kind: "Go" };
  }
  const write = { ...grantIfMissing(task, session, context), ...details(report) };
  return { kind: "Go", write };
}

function grantIfMissing(
  task: MachineTask,
  { nonce, agentKey }: Pick<Session, "nonce" | "agentKey">,
  { rack, now }: ReportContext,
): MachineTaskStatus {
  return task.status?.grant === undefined ? granted({ nonce, rack, agentKey }, now) : {};
}

function ended(
  state: "Written" | "Succeeded" | "Failed",
  report: Report,
  now: number,
): MachineTaskStatus {
  return {
    ...details(report),
    state,
    ...(state === "Failed" && {
      reason: report.reason ?? "AgentFailed",
      message: report.message ?? "The agent gave no reason.",
    }),
    ...(state !== "Written" && { finishedAt: timestamp(now) }),
  };
}

const details = ({ steps, results, logTail }: Report): MachineTaskStatus => ({
  ...(steps !== undefined && { steps }),
  ...(results !== undefined && { results }),
  ...(logTail !== undefined && { logTail }),
});
