import type { MachineStatus } from "#api/machine.ts";
import type { Drives, MachineHardware, MachineIdentity } from "#api/machine-facts.ts";
import type { InventoryDisk, MachineInventory } from "#api/machine-inventory.ts";
import { parseSystemUuid, sameSystem } from "#base/system-uuid.ts";
import type { BmcSeen } from "./gather.ts";

/** What an inventory teaches: what placement needs, and who the machine is. */
export interface Learned {
  readonly hardware: MachineHardware;
  readonly identity: MachineIdentity;
}

/** Sums up an inventory. Remote and removable disks do not count: they are not the machine's. */
export function sumUp({ spec }: MachineInventory): Learned {
  const { system, cpu, memory, nics, disks, gpus } = spec;
  const local = disks.filter((disk) => !disk.remote && disk.removable !== true);
  const speeds = nics.map((nic) => nic.speedMbps ?? 0);
  const bytes = local.reduce((sum, disk) => sum + disk.sizeBytes, 0);
  return {
    hardware: {
      ...(system.manufacturer !== undefined && { manufacturer: system.manufacturer }),
      ...(system.product !== undefined && { model: system.product }),
      architecture: spec.architecture,
      cpus: cpu.threads,
      memoryMiB: memory.totalMiB,
      disks: local.length,
      diskGiB: Math.floor(bytes / 2 ** 30),
      drives: alike(local),
      nics: nics.length,
      ...(speeds.some((speed) => speed > 0) && { maxLinkMbps: Math.max(...speeds) }),
      ...(gpus !== undefined && { gpus }),
      firmware: spec.firmware,
    },
    identity: {
      ...(system.uuid !== undefined && { systemUUID: system.uuid }),
      ...(system.serial !== undefined && { serial: system.serial }),
      macAddresses: nics.map(({ mac }) => mac),
      diskSerials: local.flatMap(({ serial, wwn }) => serial ?? wwn ?? []),
    },
  };
}

const MAX_KINDS = 32;

/** Disks by type and size, largest first; the smallest are left out where there are too many. */
function alike(disks: readonly InventoryDisk[]): Drives[] {
  const kinds = new Map<string, Drives>();
  for (const disk of disks) {
    const kind = { type: typeOf(disk), sizeGiB: Math.floor(disk.sizeBytes / 2 ** 30) };
    const key = `${kind.type} ${kind.sizeGiB}`;
    kinds.set(key, { ...kind, count: (kinds.get(key)?.count ?? 0) + 1 });
  }
  const sorted = [...kinds.values()].sort(
    (a, b) => b.sizeGiB - a.sizeGiB || a.type.localeCompare(b.type),
  );
  return sorted.slice(0, MAX_KINDS);
}

/** What the kernel does not say is taken for a disk that rotates: the kernel does so, too. */
function typeOf({ transport, rotational }: InventoryDisk): Drives["type"] {
  if (transport === "nvme") return "NVMe";
  return rotational === false ? "SSD" : "HDD";
}

/**
 * Who the machine is, after what was seen just now. What the BMC says is learned once and from then
 * on compared; the host's word is added when its agent was there, and proves the pair where both
 * name the same UUID.
 */
export function learn(
  known: MachineIdentity | undefined,
  bmc: BmcSeen,
  learned: Learned | null,
  accepted: boolean,
): MachineStatus["identity"] {
  const { diskSerials: _, host: __, ...kept } = known ?? {};
  const base = accepted ? kept : known;
  const told = "observation" in bmc ? fromBmc(bmc.observation) : {};
  const both = accepted ? { ...base, ...told } : { ...told, ...base };
  if (learned === null) return Object.keys(both).length === 0 ? undefined : both;
  const { host: ___, ...pair } = both;
  const proven = pair.systemUUID !== undefined && pair.systemUUID === learned.identity.systemUUID;
  const host = otherThan(pair, learned.identity);
  return {
    ...learned.identity,
    ...pair,
    ...hostOnly(learned.identity),
    ...(proven && { proven }),
    ...(host !== null && { host }),
  };
}

/** The host's own names, if the BMC has others: a rack let its agent in all the same, on a person's word. */
function otherThan(bmc: MachineIdentity, host: MachineIdentity): MachineIdentity["host"] | null {
  const { systemUUID, serial } = host;
  const [ours, theirs] = [uuidOf(bmc), uuidOf(host)];
  const isSame =
    ours !== null && theirs !== null
      ? sameSystem(ours, theirs)
      : bmc.serial === undefined || serial === undefined || bmc.serial === serial;
  if (isSame) return null;
  return {
    ...(systemUUID !== undefined && { systemUUID }),
    ...(serial !== undefined && { serial }),
  };
}

const uuidOf = ({ systemUUID }: MachineIdentity) =>
  systemUUID === undefined ? null : parseSystemUuid(systemUUID);

/** What only the host can tell is taken from its newest inventory. */
const hostOnly = ({ macAddresses, diskSerials }: MachineIdentity): MachineIdentity => ({
  ...(macAddresses !== undefined && { macAddresses }),
  ...(diskSerials !== undefined && { diskSerials }),
});

function fromBmc(seen: Extract<BmcSeen, { observation: unknown }>["observation"]): MachineIdentity {
  return {
    ...(seen.systemUuid !== null && { systemUUID: seen.systemUuid }),
    ...(seen.serial !== null && { serial: seen.serial }),
    ...(seen.fingerprint !== null && { bmcFingerprint: seen.fingerprint }),
  };
}
