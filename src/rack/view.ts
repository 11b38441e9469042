import type { Machine } from "#api/machine.ts";
import type { MachineTask } from "#api/machine-task.ts";
import type { OSImage } from "#api/os-image.ts";
import type { Zone } from "#api/zone.ts";
import { type Mac, parseMac } from "#base/mac.ts";
import type { KubeObject } from "#base/object.ts";
import { type Cache, ObjectCache, withoutManagedFields } from "#kube/cache.ts";

/** What a rack keeps of the API: its zone's machines and tasks, its Zone, the images. */
export interface View {
  readonly machines: Cache<Machine>;
  readonly tasks: Cache<MachineTask>;
  readonly zones: Cache<Zone>;
  readonly images: Cache<OSImage>;
}

/**
 * Whether it is known what there is: all that a machine's fate is decided by. Before that, absence
 * means nothing; an image that is not here yet is only fetched later.
 */
export const isSeen = ({ machines, tasks, zones }: View): boolean =>
  machines.isSynced && tasks.isSynced && zones.isSynced;

/** Resolves once {@link isSeen}. */
export async function seen({ machines, tasks, zones }: View, signal: AbortSignal): Promise<void> {
  await Promise.all([machines, tasks, zones].map((cache) => cache.synced(signal)));
}

/** Every interface that an object of the API says is this machine's: named, learned, or addressed. */
export function macsOf({ spec, status }: Machine): readonly Mac[] {
  const texts = [
    ...spec.boot.macAddresses,
    ...(status?.identity?.macAddresses ?? []),
    ...(status?.addresses?.map(({ mac }) => mac) ?? []),
  ];
  return [...new Set(texts.map(parseMac).filter((mac) => mac !== null))];
}

export const createMachineCache = (): ObjectCache<Machine> =>
  new ObjectCache<Machine>({
    indexes: {
      mac: macsOf,
      uid: ({ metadata }) => [metadata.uid],
      ip: ({ status }) => status?.addresses?.map(({ ip }) => ip) ?? [],
    },
    trim: leanMachine,
  });

export const createTaskCache = (): ObjectCache<MachineTask> =>
  new ObjectCache<MachineTask>({
    indexes: {
      machine: ({ spec }) => [spec.machineRef.uid],
      digest: ({ spec }) => (spec.deploy === undefined ? [] : [spec.deploy.artifact.digest]),
    },
    trim: withoutSource,
  });

export const createImageCache = (): ObjectCache<OSImage> =>
  new ObjectCache<OSImage>({
    indexes: { digest: ({ spec }) => spec.artifacts.map(({ digest }) => digest) },
    trim: withoutSource,
  });

export const machinesByMac = ({ machines }: View, mac: Mac): readonly Machine[] =>
  machines.by("mac", mac);

/** By an address that the operator gave to it; `null` also where two have it. */
export function machineByIp({ machines }: View, ip: string): Machine | null {
  const [machine, another] = machines.by("ip", ip);
  return another === undefined ? (machine ?? null) : null;
}

export const machineByUid = ({ machines }: View, uid: string): Machine | null =>
  machines.by("uid", uid)[0] ?? null;

export const tasksOf = ({ tasks }: View, { metadata }: Machine): readonly MachineTask[] =>
  tasks.by("machine", metadata.uid);

/** Ten thousand machines are kept: only what an answer may depend on. */
function leanMachine(machine: Machine): Machine {
  const { metadata, spec, status } = withoutSource(machine);
  const { conditions: _, hardware: __, applied: ___, ...rest } = status ?? {};
  return { metadata, spec, ...(status !== undefined && { status: rest }) };
}

/** kubectl keeps the whole object once more in an annotation. */
function withoutSource<T extends KubeObject>(object: T): T {
  const { annotations: _, ...metadata } = withoutManagedFields(object).metadata;
  return { ...object, metadata };
}
