import type { Machine } from "#api/machine.ts";
import type { OSImage, OSImageStatus } from "#api/os-image.ts";
import type { Rack } from "#api/rack.ts";
import { findCondition, setConditions, standing } from "#kube/conditions.ts";
import type { Requeue } from "#kube/controller.ts";
import type { EventText } from "#kube/events.ts";

/** What the image's controller needs of the outside world. */
export interface ImageDeps {
  readonly now: () => number;
  readonly get: (name: string) => OSImage | undefined;
  readonly racks: () => Iterable<Rack>;
  /** Machines that name it, or carry it. */
  readonly machinesOf: (image: string) => readonly Machine[];
  readonly event: (image: OSImage, event: EventText) => void;
  readonly writeStatus: (
    image: OSImage,
    status: OSImageStatus,
    signal: AbortSignal,
  ) => Promise<OSImage>;
}

/** Sums up which racks hold an image, which failed to get it, and who runs it. */
export async function reconcileImage(
  name: string,
  deps: ImageDeps,
  signal: AbortSignal,
): Promise<Requeue> {
  const image = deps.get(name);
  if (image === undefined) return { after: null };
  const users = deps.machinesOf(name).filter(({ status }) => status?.applied?.image === name);
  const status = imageStatus(image, [...deps.racks()], users.length, deps.now());
  const before = findCondition(image.status?.conditions, "Ready");
  const now = findCondition(status.conditions, "Ready");
  await deps.writeStatus(image, status, signal);
  if (now?.status === "False" && before?.message !== now.message) {
    deps.event(image, { type: "Warning", reason: now.reason, message: now.message });
  }
  return { after: null };
}

/** The image's status from what its racks say. */
export function imageStatus(
  image: OSImage,
  racks: readonly Rack[],
  usedBy: number,
  now: number,
): OSImageStatus {
  const digests = new Set(image.spec.artifacts.map(({ digest }) => digest));
  const held = racks.flatMap((rack) =>
    (rack.status?.images ?? [])
      .filter(({ digest }) => digests.has(digest))
      .map((copy) => ({ rack: rack.metadata.name, ...copy })),
  );
  const cachedOn = [
    ...new Set(held.filter(({ state }) => state === "Cached").map(({ rack }) => rack)),
  ];
  const failed = held.find(({ state }) => state === "Failed");
  const bad = failed !== undefined && cachedOn.length === 0;
  const reason = bad ? "FetchFailed" : "Usable";
  const message = bad
    ? `Rack ${failed.rack}: ${failed.message ?? "it could not be fetched"}`.slice(0, 1_024)
    : "Racks fetch it when a machine needs it, and check its digest.";
  return {
    observedGeneration: image.metadata.generation ?? 0,
    ...(cachedOn.length > 0 && { cachedOn: cachedOn.toSorted() }),
    usedBy,
    conditions: [
      ...setConditions(
        image.status?.conditions,
        standing({ ready: !bad, stalled: bad, reason, message }),
        now,
      ),
    ],
  };
}
