import { KINDS } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineTask } from "#api/machine-task.ts";
import type { OSImage } from "#api/os-image.ts";
import type { Zone } from "#api/zone.ts";
import type { KubeObject, Resource } from "#base/object.ts";
import { ObjectCache } from "#kube/cache.ts";
import { Reflector, type ReflectorOptions } from "#kube/reflector.ts";
import { createImageCache, createMachineCache, createTaskCache } from "./view.ts";

export const createCaches = () => ({
  machines: createMachineCache(),
  tasks: createTaskCache(),
  zones: new ObjectCache<Zone>(),
  images: createImageCache(),
});
export type Caches = ReturnType<typeof createCaches>;

/** Only what the zone is about; never by state, or a change of it would look like a deletion. */
export function reflectors(
  zone: string,
  caches: Caches,
  deps: Pick<ReflectorOptions<never>, "client" | "clock" | "random" | "log" | "metrics">,
) {
  const reflector = <T extends KubeObject>(
    resource: Resource,
    cache: ObjectCache<T>,
    fieldSelector?: string,
  ) =>
    new Reflector<T>({
      ...{ ...deps, resource, cache },
      ...(fieldSelector !== undefined && { selection: { fieldSelector } }),
    });
  return [
    reflector<Machine>(KINDS.machine, caches.machines, `spec.zoneRef.name=${zone}`),
    reflector<MachineTask>(KINDS.machineTask, caches.tasks, `spec.zone=${zone}`),
    reflector<Zone>(KINDS.zone, caches.zones, `metadata.name=${zone}`),
    reflector<OSImage>(KINDS.osImage, caches.images),
  ];
}
