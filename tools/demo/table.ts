/** The demo's table, from objects to lines of text. Pure. */
import type { Machine } from "#api/machine.ts";
import type { MachineTask } from "#api/machine-task.ts";
import { ENDED_STATES } from "#lifecycle/facts.ts";

export interface Row {
  readonly machine: string;
  readonly zone: string;
  readonly phase: string;
  /** What its agent does. */
  readonly progress: string;
  readonly power: string;
  /** Why it is not as it should be; "" where the phase says it all. */
  readonly reason: string;
  /** From applied to Deployed, or to now. */
  readonly seconds: number;
}

const COLUMNS = [
  { head: "MACHINE", of: (row: Row) => row.machine },
  { head: "ZONE", of: (row: Row) => row.zone },
  { head: "PHASE", of: (row: Row) => row.phase },
  { head: "REASON", of: (row: Row) => row.reason },
  { head: "PROGRESS", of: (row: Row) => row.progress },
  { head: "POWER", of: (row: Row) => row.power },
  { head: "TIME", of: (row: Row) => `${row.seconds} s` },
];

/** @param now milliseconds since the epoch */
export function rowOf(machine: Machine, task: MachineTask | undefined, now: number): Row {
  const { metadata, spec, status } = machine;
  const { phase = "New", phaseSince, power = "Unknown", conditions = [] } = status ?? {};
  const reason = conditions.find(({ type }) => type === "Ready")?.reason ?? "";
  const end = phase === "Deployed" && phaseSince !== undefined ? Date.parse(phaseSince) : now;
  const start = Date.parse(metadata.creationTimestamp ?? new Date(now).toISOString());
  return {
    machine: metadata.name,
    zone: spec.zoneRef.name,
    phase,
    reason: reason === phase ? "" : reason,
    progress: task === undefined ? "" : progressOf(task),
    power,
    seconds: Math.max(0, Math.round((end - start) / 1_000)),
  };
}

const ENDED: ReadonlySet<string> = new Set(ENDED_STATES);

function progressOf({ spec: { type, attempt }, status }: MachineTask): string {
  const { state = "Pending", steps = [] } = status ?? {};
  if (ENDED.has(state)) return "";
  const name = attempt === 1 ? type : `${type} (attempt ${attempt})`;
  const step = steps.findLast((one) => one.state === "Running") ?? steps.at(-1);
  if (state === "Pending") return `${name}: boots the agent`;
  if (state === "Written") return `${name}: boots its own system`;
  if (step === undefined) return `${name}: begins`;
  const percent = step.progressPercent === undefined ? "" : ` ${step.progressPercent} %`;
  return `${name}: ${step.name}${percent}`;
}

/** As kubectl would, no line wider than `width`. */
export function table(rows: readonly Row[], width: number): string[] {
  const widths = COLUMNS.map(({ head, of }) =>
    Math.max(head.length, ...rows.map((row) => of(row).length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd()
      .slice(0, width);
  return [
    line(COLUMNS.map(({ head }) => head)),
    ...rows.map((row) => line(COLUMNS.map(({ of }) => of(row)))),
  ];
}

/** Those that are worth seeing when there is no room for all: first what is not Deployed yet. */
export function roomFor(rows: readonly Row[], most: number): readonly Row[] {
  if (rows.length <= most) return rows;
  const done = (row: Row): number => (row.phase === "Deployed" ? 1 : 0);
  return rows.toSorted((a, b) => done(a) - done(b)).slice(0, Math.max(0, most));
}

/** How many are in which phase, e.g. `20 of 25 Deployed, 5 Deploying`. */
export function summary(rows: readonly Row[]): string {
  const counts = new Map<string, number>();
  for (const { phase } of rows) counts.set(phase, (counts.get(phase) ?? 0) + 1);
  const deployed = counts.get("Deployed") ?? 0;
  counts.delete("Deployed");
  const others = [...counts].map(([phase, count]) => `${count} ${phase}`);
  return [`${deployed} of ${rows.length} Deployed`, ...others].join(", ");
}

/** What a person would want to hear of a change; `null`: nothing. */
export function news(row: Row, before: Row | undefined): string | null {
  if (before?.phase === row.phase && before.reason === row.reason) return null;
  return `${row.machine}  ${row.phase}  ${row.reason}`.trimEnd();
}
