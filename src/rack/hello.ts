import type { Hello, Order, Welcome } from "#api/agent.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineTask } from "#api/machine-task.ts";
import { type Duration, hours, seconds } from "#base/duration.ts";
import { HttpError } from "#netboot/http/message.ts";
import { type Desk, named, refused, requireView, sealSession } from "./desk.ts";
import { dueTask, newestTask, stateOf } from "./due-task.ts";
import { type Asker, judgeGrant } from "./grant.ts";
import { orderFor } from "./order.ts";
import { isAgentKey } from "./signature.ts";
import { type BootToken, openToken, type Session } from "./tokens.ts";
import { machineByUid, tasksOf } from "./view.ts";

/** Machines that are kept waiting in the agent do so for as long as it takes. */
const WARM = hours(24 * 7);

/** Exchanges a boot token for a session, and begins the task that the machine was booted for. */
export async function greet(
  hello: Hello,
  remote: string,
  desk: Desk,
  signal: AbortSignal,
): Promise<Welcome> {
  const opened = openToken(hello.token, "boot", desk.hmacKey, desk.clock.now());
  if ("refused" in opened) throw refused(desk, "hello", opened.refused, { remote });
  if (!isAgentKey(hello.agentKey)) throw new HttpError(400, "agentKey is no Ed25519 public key");
  const { token } = opened;
  if (token.machine !== undefined) requireView(desk, "hello");
  const isFirst = desk.keys.isFirst(token, hello.agentKey);
  if (!isFirst && token.task === undefined) {
    throw refused(desk, "hello", "BootConflict", { remote, mac: token.mac });
  }
  if (token.machine === undefined)
    return { session: stranger(token, hello, desk), lingerSeconds: 0 };
  const machine = machineByUid(desk.view, token.machine.uid);
  if (machine === null) throw refused(desk, "hello", "NoSuchMachine", { mac: token.mac });
  const who = { token, hello, isFirst, remote, machine };
  const task = taskFor(who, desk);
  const order = task === null ? null : await begin(task, askerOf(who, desk), who, desk, signal);
  desk.count("hello", order === null ? "Waits" : order.type);
  return {
    session: order?.session ?? sealSession(sessionOf(who), desk),
    ...(order !== null && { order }),
    lingerSeconds: linger(machine, desk) / 1_000,
  };
}

interface Greeted {
  readonly token: Omit<BootToken, "kind" | "expires">;
  readonly hello: Pick<Hello, "agentKey" | "macAddresses" | "systemUUID" | "serial">;
  readonly isFirst: boolean;
  readonly remote: string;
  readonly machine: Machine;
}

/** Discovery: nobody knows it, so that there is nothing for it to do. */
const stranger = (token: BootToken, hello: Hello, desk: Desk): string =>
  sealSession({ mac: token.mac, nonce: token.nonce, agentKey: hello.agentKey }, desk);

/** The task that it was booted for, or one that came up while it booted to wait. */
function taskFor({ token, machine }: Greeted, desk: Desk): MachineTask | null {
  const tasks = tasksOf(desk.view, machine);
  if (token.task === undefined) return dueTask(machine, tasks);
  if (machine.spec.paused) throw new HttpError(503, "the machine is paused");
  const newest = newestTask(machine, tasks);
  if (newest?.metadata.uid === token.task.uid) return newest;
  throw refused(desk, "hello", "NotDue", { task: token.task.key, newest: newest?.metadata.name });
}

const askerOf = ({ token, hello, isFirst }: Greeted, { rack }: Desk): Asker => ({
  nonce: token.nonce,
  agentKey: hello.agentKey,
  isFirst,
  rack,
  macAddresses: hello.macAddresses,
  systemUUID: hello.systemUUID,
  serial: hello.serial,
});

const sessionOf = ({ token, hello, machine }: Greeted): Omit<Session, "kind" | "expires"> => ({
  machine: named(machine),
  mac: token.mac,
  nonce: token.nonce,
  agentKey: hello.agentKey,
  ...(hello.systemUUID !== undefined && { systemUUID: hello.systemUUID }),
});

const linger = ({ spec, status }: Machine, { lingerSeconds }: Desk): Duration =>
  spec.standby === "Warm" || status?.boot === "Agent" ? WARM : seconds(lingerSeconds);

/** Grants the task, read live; the order leaves only once the grant is persisted. */
async function begin(
  task: MachineTask,
  asker: Asker,
  who: Greeted,
  desk: Desk,
  signal: AbortSignal,
): Promise<Order> {
  const { key, uid } = named(task);
  const judge = (now: MachineTask) => judgeGrant(now, asker, desk.clock.now());
  const { verdict, task: granted } = await desk.tasks.decide(key, uid, judge, signal);
  if (verdict.kind === "Refuse" || granted === null) {
    const reason = verdict.kind === "Refuse" ? verdict.reason : "NoSuchTask";
    throw refused(desk, "grant", reason, {
      task: key,
      remote: who.remote,
      mac: asker.macAddresses,
    });
  }
  desk.tasks.touch(granted);
  desk.count("grant", granted.spec.type);
  desk.log.info({ task: key, mac: who.token.mac, remote: who.remote }, "granted");
  const session = sealSession(
    { ...sessionOf(who), task: named(granted), nonce: asker.nonce },
    desk,
  );
  return orderFor(granted, { session, rackUrl: desk.rackUrl(who.remote) });
}

/**
 * The next order of a machine that stays in the agent, as soon as there is one; `null` after `wait`.
 * It is granted under a nonce of its own, to the same agent key.
 */
export async function nextOrder(
  session: Session,
  wait: Duration,
  remote: string,
  desk: Desk,
  signal: AbortSignal,
): Promise<Order | null> {
  const end = desk.clock.now() + wait;
  for (;;) {
    const order = await orderNow(session, remote, desk, signal);
    if (order !== null) return order;
    const left = end - desk.clock.now();
    if (left <= 0) return null;
    await desk.waiters.wait(session.machine?.uid ?? "", left as Duration, desk.clock, signal);
  }
}

async function orderNow(
  session: Session,
  remote: string,
  desk: Desk,
  signal: AbortSignal,
): Promise<Order | null> {
  if (session.machine === undefined) return null;
  requireView(desk, "next");
  const machine = machineByUid(desk.view, session.machine.uid);
  if (machine === null) throw refused(desk, "next", "NoSuchMachine", { mac: session.mac });
  const isRevoked = await wasRevoked(session, desk, signal);
  if (isRevoked) throw refused(desk, "next", "Revoked", { task: session.task?.key });
  const task = dueTask(machine, tasksOf(desk.view, machine));
  const isNew = task !== null && task.metadata.uid !== session.task?.uid;
  const again = task === null ? null : lostGrant(task, session);
  if (!isNew || (stateOf(task) !== "Pending" && again === null)) return null;
  const { agentKey, systemUUID, mac } = session;
  const hello = { agentKey, systemUUID, macAddresses: [mac] };
  const token = { ...session, nonce: again ?? desk.nonce() };
  const who = { token, hello, isFirst: true, remote, machine };
  return begin(task, askerOf(who, desk), who, desk, signal);
}

/**
 * The nonce of a grant that this very agent has, and does not know of: a rack died between writing
 * it and saying so. An agent that has work does not ask for more.
 */
function lostGrant({ status }: MachineTask, { agentKey }: Session): string | null {
  const { state, grant } = status ?? {};
  return state === "Running" && grant?.agentKey === agentKey ? grant.bootNonce : null;
}

/**
 * The operator took its task away: it is about to be powered off, and gets nothing more. Nor does an
 * agent whose task is not there any more, however it ended. Our watch may lag behind the rack that
 * granted it, so that what is missing is looked for.
 */
async function wasRevoked({ task: its }: Session, desk: Desk, signal: AbortSignal) {
  if (its === undefined) return false;
  const cached = desk.tasks.cached(its.key);
  const isHere = cached?.metadata.uid === its.uid;
  const task = isHere ? cached : await desk.tasks.live(its.key, signal);
  return task?.metadata.uid !== its.uid || ["Expired", "Canceled"].includes(stateOf(task));
}
