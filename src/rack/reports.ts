import type { Report } from "#api/agent.ts";
import { KINDS } from "#api/group.ts";
import type { MachineInventory } from "#api/machine-inventory.ts";
import type { MachineTask } from "#api/machine-task.ts";
import { refOf } from "#base/object.ts";
import { HttpError } from "#netboot/http/message.ts";
import { type Desk, refused } from "./desk.ts";
import { hasEnded } from "./due-task.ts";
import { judgeReport } from "./report.ts";
import type { Session } from "./tokens.ts";
import type { Refusal } from "./verdict.ts";

/** Resolves once what the report changes is persisted. @throws {@link HttpError} 403 and 409 */
export async function takeReport(
  session: Session,
  report: Report,
  desk: Desk,
  signal: AbortSignal,
): Promise<void> {
  const { task: its } = session;
  if (its === undefined || refOf(its.key).name !== report.task) {
    throw refused(desk, "report", "NoSuchTask", { task: report.task });
  }
  const hasInventory = report.state !== "Succeeded" || (await isInventoried(session, desk, signal));
  const judge = (task: MachineTask) =>
    judgeReport(task, session, report, {
      rack: desk.rack,
      now: desk.clock.now(),
      lastWrite: desk.tasks.lastWrite(task),
      hasInventory,
    });
  const outcome = await desk.tasks.decideFromCache(its.key, its.uid, judge, signal);
  const { verdict, task } = outcome;
  if (verdict.kind === "Refuse") throw refusal(verdict.reason, its.key, desk);
  desk.boots.progressed(its.uid);
  if (task === null) return;
  const isNew = desk.tasks.lastWrite(task) === 0; // to a rack that was restarted
  if (isNew && !hasEnded(task)) desk.tasks.touch(task);
  if (report.state !== "Running") noteEnd(task, report, desk);
}

function refusal(reason: Refusal, task: string, desk: Desk): HttpError {
  if (reason === "NoInventory") return new HttpError(409, "store the inventory first");
  return refused(desk, "report", reason, { task });
}

function noteEnd({ metadata, spec, status }: MachineTask, report: Report, desk: Desk): void {
  desk.count("report", report.state);
  const about = { task: metadata.name, type: spec.type, state: status?.state };
  if (report.state !== "Failed") desk.log.info(about, "task reported");
  else desk.log.warn({ ...about, reason: report.reason, detail: report.message }, "task failed");
}

async function isInventoried(
  { machine, task }: Session,
  { client, inventoried }: Desk,
  signal: AbortSignal,
): Promise<boolean> {
  if (task !== undefined && inventoried.has(task.uid)) return true;
  if (machine === undefined) return false;
  const kind = KINDS.machineInventory;
  const stored = await client.get<MachineInventory>(kind, refOf(machine.key), signal);
  return stored?.spec.machineRef.uid === machine.uid;
}
