import type { Machine } from "#api/machine.ts";
import type { Zone, ZoneStatus } from "#api/zone.ts";
import { type Duration, seconds } from "#base/duration.ts";
import { parseCidr } from "#base/ipv4.ts";
import { setConditions, standing } from "#kube/conditions.ts";
import type { Requeue } from "#kube/controller.ts";

/** What the zone's controller needs of the outside world. */
export interface ZoneDeps {
  readonly now: () => number;
  readonly get: (name: string) => Zone | undefined;
  readonly machinesOf: (zone: string) => Iterable<Machine>;
  /** How many of the zone's racks have a heartbeat. */
  readonly racksAlive: (zone: string, signal: AbortSignal) => Promise<number>;
  /** Sees to what the zone needs in the cluster: its namespace, its keys, its racks' permissions. */
  readonly furnish: (zone: Zone, signal: AbortSignal) => Promise<void>;
  readonly writeStatus: (zone: Zone, status: ZoneStatus, signal: AbortSignal) => Promise<Zone>;
}

const RECOUNT: Duration = seconds(15); // a rack that dies says nothing

/** Furnishes a zone and sums up what is in it. */
export async function reconcileZone(
  name: string,
  deps: ZoneDeps,
  signal: AbortSignal,
): Promise<Requeue> {
  const zone = deps.get(name);
  if (zone === undefined || zone.metadata.deletionTimestamp !== undefined) return { after: null };
  await deps.furnish(zone, signal);
  const racks = await deps.racksAlive(name, signal);
  const status = zoneStatus(zone, [...deps.machinesOf(name)], racks, deps.now());
  await deps.writeStatus(zone, status, signal);
  return { after: RECOUNT };
}

/** The zone's status; nothing in it changes by itself. */
export function zoneStatus(
  zone: Zone,
  machines: readonly Machine[],
  racks: number,
  now: number,
): ZoneStatus {
  const machinesByPhase: Record<string, number> = {};
  for (const { status } of machines) {
    const phase = status?.phase ?? "New";
    machinesByPhase[phase] = (machinesByPhase[phase] ?? 0) + 1;
  }
  const free = machines.filter(isFree).length;
  const { ready, reason, message } = health(zone, racks);
  return {
    observedGeneration: zone.metadata.generation ?? 0,
    racks,
    machines: machines.length,
    free,
    machinesByPhase,
    conditions: [
      ...setConditions(
        zone.status?.conditions,
        standing({ ready, stalled: reason === "SubnetInvalid", reason, message }),
        now,
      ),
    ],
  };
}

const isFree = ({ spec, status }: Machine): boolean =>
  status?.phase === "Ready" && status.claimRef === undefined && spec.deploy === undefined;

function health({ spec }: Zone, racks: number) {
  const bad = (spec.subnets ?? []).find(({ cidr }) => parseCidr(cidr) === null);
  if (bad !== undefined) {
    const message = `Subnet "${bad.name}": ${bad.cidr} is no IPv4 network, e.g. 10.20.0.0/16.`;
    return { ready: false, reason: "SubnetInvalid", message };
  }
  if (racks > 0) return { ready: true, reason: "RacksReady", message: "Its racks serve." };
  const message =
    "No rack of it is alive: label a node steelyard.dev/zone and look at its rack pod.";
  return { ready: false, reason: "NoRack", message };
}
