/**
 * The agent's life: find out whom to believe, say hello, do what is ordered, and leave. It never
 * touches a disk before hello was answered with an order, and no more once the rack refuses it.
 */
import type { Order, Welcome } from "#api/agent.ts";
import type { Inventory } from "#api/machine-inventory.ts";
import { seconds } from "#base/duration.ts";
import type { BootParameters } from "./boot-parameters.ts";
import { carryOut } from "./carry-out.ts";
import type { Hardware } from "./hardware.ts";
import { Unreachable } from "./http.ts";
import { makeAgentKey, Rack } from "./rack.ts";
import { type RetryDeps, retrying } from "./retry.ts";
import { Refused } from "./task-error.ts";
import { rackConnections, rackTime, zoneCa } from "./trust.ts";

export interface AgentDeps extends RetryDeps {
  readonly boot: BootParameters;
  readonly hardware: Hardware;
}

/** How the machine is to leave the agent. */
export type Ending = "Reboot" | "PowerOff";

/**
 * How an agent leaves that has nothing (more) to do, or was refused. Who is named is powered on by the
 * operator when it is wanted; a stranger nobody would power on again: it goes on to its own system.
 */
export const leaving = ({ isStranger }: BootParameters): Ending =>
  isStranger ? "Reboot" : "PowerOff";

/** About ten minutes: after that the operator boots it again. */
const HELLO_TRIES = 60;
const LONG_POLL_SECONDS = 30;

/** Resolves when the machine is to leave the agent; rejects when the signal comes. */
export async function live(deps: AgentDeps, signal: AbortSignal): Promise<Ending> {
  try {
    return await work(deps, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
    deps.log(`stopping: ${error.message}`);
    return leaving(deps.boot);
  }
}

async function work(deps: AgentDeps, signal: AbortSignal): Promise<Ending> {
  // One key a boot: an answer that was lost on the way is asked for again by the same agent.
  const key = makeAgentKey();
  const hello = (): Promise<Met> => meet(deps, key, signal);
  const { rack, welcome } = await retrying(hello, HELLO_TRIES, deps, signal);
  using _ = rack;
  let { order } = welcome;
  const found = order === undefined ? await lookAround(rack, deps, signal) : null;
  for (;;) {
    order ??= await nextOrder(rack, welcome.lingerSeconds, deps, signal);
    if (order === undefined) return isBlank(found) ? "PowerOff" : leaving(deps.boot);
    deps.log(`order: ${order.type} ${order.task}`);
    const next = await carryOut(order, rack, deps, signal);
    if (next !== "Wait") return next;
    order = undefined;
  }
}

interface Met {
  readonly rack: Rack;
  readonly welcome: Welcome;
}

async function meet(
  { boot, hardware, clock, log }: AgentDeps,
  key: ReturnType<typeof makeAgentKey>,
  signal: AbortSignal,
): Promise<Met> {
  const soon = AbortSignal.any([signal, AbortSignal.timeout(seconds(20))]);
  await hardware.setClock(await rackTime(boot.rackUrl, soon), signal);
  const connections = rackConnections(await zoneCa(boot, soon));
  const rack = new Rack(boot.api, connections, key, clock);
  try {
    const who = await hardware.identity(signal);
    const macAddresses = [...who.macAddresses];
    const welcome = await rack.hello({ token: boot.token, ...who, macAddresses }, signal);
    log(`hello to ${boot.api}`);
    return { rack, welcome };
  } catch (error) {
    rack[Symbol.dispose]();
    throw error;
  }
}

/** Nothing is ordered: tell what is here, so that somebody can order something. */
async function lookAround(rack: Rack, deps: AgentDeps, signal: AbortSignal): Promise<Inventory> {
  const inventory = await deps.hardware.inventory(signal);
  await retrying(() => rack.inventory(inventory, signal), HELLO_TRIES, deps, signal);
  return inventory;
}

/** Nothing can be started from its disks. Where no disk was found, one may have been overlooked. */
const isBlank = (found: Inventory | null): boolean =>
  found !== null && found.disks.length > 0 && found.disks.every(({ blank }) => blank);

async function nextOrder(
  rack: Rack,
  lingerSeconds: number,
  deps: AgentDeps,
  signal: AbortSignal,
): Promise<Order | undefined> {
  const end = deps.clock.now() + seconds(lingerSeconds);
  for (let left = lingerSeconds; left > 0; left = (end - deps.clock.now()) / 1_000) {
    const wait = Math.min(LONG_POLL_SECONDS, left);
    const order = await retrying(() => rack.next(wait, signal), HELLO_TRIES, deps, signal);
    if (order !== null) return order;
  }
  return undefined;
}
