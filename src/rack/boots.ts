import type { Machine } from "#api/machine.ts";
import type { MachineTask } from "#api/machine-task.ts";
import type { Architecture } from "#api/os-image.ts";
import { seconds } from "#base/duration.ts";
import { parseIpv4 } from "#base/ipv4.ts";
import { type Mac, parseMac } from "#base/mac.ts";
import { ApiError } from "#kube/client.ts";
import { type HttpReply, type HttpRequest, text } from "#netboot/http/message.ts";
import { type BootAnswer, type BootQuery, bootPolicy, MAX_BOOTS } from "./boot-policy.ts";
import { bootScript, type ScriptDeps } from "./boot-script.ts";
import { within } from "./deadline.ts";
import { type Desk, named } from "./desk.ts";
import { dueTask, hasEnded, stateOf } from "./due-task.ts";
import { subnetOf } from "./endpoints.ts";
import { failed } from "./grant.ts";
import { refuse } from "./verdict.ts";
import { isSeen, machinesByMac, seen, tasksOf } from "./view.ts";

export interface BootDeps {
  readonly desk: Desk;
  readonly script: (remote: string) => Omit<ScriptDeps, "nonce" | "now">;
}

/** A rack that was just started waits so long for its first view before it answers without one. */
const FIRST_VIEW = seconds(2);

/** In the URL that a machine asks again by: how often it has done so for want of a view. */
const WAITS = "waits";
/** There: its kernel or ramdisk could not be fetched, so that this is the same boot once more. */
const RETRY = "retry";

/** `GET /boot?mac=…&uuid=…&arch=…`: the script for whoever asks. Never an error: in doubt, local. */
export async function serveBoot(
  request: HttpRequest,
  deps: BootDeps,
  signal: AbortSignal,
): Promise<HttpReply> {
  const { desk } = deps;
  const { query, remote } = request;
  const mac = parseMac(query.get("mac") ?? "");
  const uuid = query.get("uuid");
  const waits = numberIn(query, WAITS);
  const isRetry = query.has(RETRY);
  const answer: BootAnswer =
    mac === null
      ? { kind: "Local", reason: "Unknown" }
      : await answerBoot(mac, { uuid, remote, waits, isRetry }, desk, signal);
  const script = deps.script(remote);
  const url = (marks: Readonly<Record<string, number>>): string =>
    `${script.rackUrl}/boot?${askingAgain(query, marks)}`;
  const client = {
    mac: mac ?? "",
    architecture: architectureOf(query.get("arch")),
    selfUrl: url(answer.reason === "NotSynced" ? { [WAITS]: waits + 1 } : {}),
    retryUrl: url({ [RETRY]: 1 }),
  };
  const made = { ...script, nonce: desk.nonce(), now: desk.clock.now() };
  return text(bootScript(answer, client, made));
}

function numberIn(query: URLSearchParams, name: string): number {
  const number = Number(query.get(name));
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}

/** Who asks, without the marks of an earlier answer, and with those of this one. */
function askingAgain(query: URLSearchParams, marks: Readonly<Record<string, number>>): string {
  const asking = new URLSearchParams(query);
  for (const name of [WAITS, RETRY]) asking.delete(name);
  for (const [name, value] of Object.entries(marks)) asking.set(name, String(value));
  return asking.toString();
}

const taskOf = (answer: BootAnswer): string | undefined => taskIn(answer)?.metadata.name;

/** iPXE's `${buildarch}`, or ours. A BIOS machine runs a 32-bit iPXE and a 64-bit system. */
const architectureOf = (arch: string | null): Architecture =>
  arch === "arm64" || arch === "aarch64" ? "arm64" : "amd64";

export interface Booting {
  readonly uuid: string | null;
  readonly remote: string;
  /** See {@link BootQuery}. */
  readonly waits: number;
  /** The agent could not be fetched at this very boot. */
  readonly isRetry: boolean;
}

/** Decides what a machine that boots from us gets, and keeps count of it. */
export async function answerBoot(
  mac: Mac,
  booting: Booting,
  desk: Desk,
  signal: AbortSignal,
): Promise<BootAnswer> {
  const answer = await decide(mac, booting, desk, signal);
  const { kind, reason } = answer;
  desk.log.info({ mac, ...booting, kind, reason, task: taskOf(answer) }, "boot");
  desk.count("boot", reason);
  note(answer, mac, booting, desk);
  return answer;
}

async function decide(
  mac: Mac,
  { uuid, remote, waits, isRetry }: Booting,
  desk: Desk,
  signal: AbortSignal,
): Promise<BootAnswer> {
  const synced = await hasView(desk, signal);
  const machines = machinesByMac(desk.view, mac);
  const [machine] = machines;
  const tasks = machine === undefined ? [] : await tasksNow(machine, desk, signal);
  const address = parseIpv4(remote);
  const zone = desk.view.zones.get(desk.zone);
  return bootPolicy({
    asked: "HTTP",
    uuid,
    machines,
    tasks,
    subnet: address === null ? null : subnetOf(zone, address),
    synced,
    waits,
    boots: machine === undefined ? 0 : bootsOf(machine, tasks, isRetry, desk),
    looked: machine === undefined && desk.looks.has(mac, desk.clock.now()),
  });
}

/** Whether there is a first view, which is waited for a little. */
export async function hasView({ view, clock }: Desk, signal: AbortSignal): Promise<boolean> {
  await within(FIRST_VIEW, (limited) => seen(view, limited), clock, signal).catch(() => undefined);
  return isSeen(view);
}

/** The due task is read live, so that one which has ended meanwhile boots nobody any more. */
async function tasksNow(
  machine: Machine,
  desk: Desk,
  signal: AbortSignal,
): Promise<readonly MachineTask[]> {
  const cached = tasksOf(desk.view, machine);
  const due = dueTask(machine, cached);
  if (due === null) return cached;
  try {
    const live = await desk.tasks.live(named(due).key, signal);
    const others = cached.filter(({ metadata }) => metadata.uid !== due.metadata.uid);
    return live === null ? others : [...others, live];
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    desk.count("boot", "FromCache"); // a boot changes nothing: hello will ask again
    return cached;
  }
}

/** Before this one: a retry was counted when its boot began. */
function bootsOf(
  machine: Machine,
  tasks: readonly MachineTask[],
  isRetry: boolean,
  { boots }: Desk,
): number {
  const due = dueTask(machine, tasks);
  const count = due === null ? 0 : boots.count(due.metadata.uid);
  return isRetry ? Math.max(0, count - 1) : count;
}

/** Counts agent boots, and ends the task that a boot shows to be hopeless. */
function note(answer: BootAnswer, mac: Mac, booting: Booting, desk: Desk): void {
  const { uuid, isRetry } = booting;
  if (answer.kind === "Agent") {
    if (answer.machine === null) desk.looks.given(mac, desk.clock.now());
    if (answer.task !== null && !isRetry) desk.boots.booted(answer.task.metadata.uid);
    return;
  }
  const task = taskIn(answer);
  if (task === null) return;
  if (answer.reason === "BootLoop") {
    const message = `The agent was booted ${MAX_BOOTS} times without any progress. Watch the machine's console.`;
    fail(task, "BootLoop", message, desk);
  } else if (stateOf(task) === "Pending") {
    // Once granted, an agent runs on the right machine: whoever boots meanwhile is no news of it.
    const message = `The machine that booted has the system UUID ${uuid}; the BMC says ${task.spec.expect?.systemUUID}.`;
    fail(task, "IdentityConflict", message, desk);
  }
}

const taskIn = (answer: BootAnswer): MachineTask | null =>
  "task" in answer ? (answer.task ?? null) : null;

function fail(
  task: MachineTask,
  reason: "BootLoop" | "IdentityConflict",
  message: string,
  desk: Desk,
): void {
  const { key, uid } = named(task);
  const judge = (now: MachineTask) =>
    hasEnded(now) || stateOf(now) !== stateOf(task)
      ? refuse("Ended")
      : ({ kind: "Go", write: failed(reason, message, desk.clock.now()) } as const);
  desk.tasks.decide(key, uid, judge, desk.process).then(
    () => desk.boots.progressed(uid),
    (err: unknown) => desk.log.warn({ err, task: key, reason }, "cannot report what booted"),
  );
}
