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
  const racks = [...deps.racks()];
  const status = imageStatus(image, racks, users.length, deps.now());
  const before = findCondition(image.status?.conditions, "Ready");
  const now = findCondition(status.conditions, "Ready");
  await deps.writeStatus(image, status, signal);
  if (failuresOf(image, racks).length > 0 && before?.message !== now?.message) {
    deps.event(image, { type: "Warning", reason: "FetchFailed", message: now?.message ?? "" });
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
  const copies = copiesOf(image, racks);
  const cachedOn = new Set(
    copies.filter(({ state }) => state === "Cached").map(({ rack }) => rack.metadata.name),
  );
  const failures = failuresOf(image, racks);
  const bad = failures.length > 0 && cachedOn.size === 0;
  const reason = bad ? "FetchFailed" : "Usable";
  const message = [
    ...(bad ? [] : ["Racks fetch it when a machine needs it, and check its digest."]),
    ...(failures.length > 0 && !bad ? ["Some could not get it:"] : []),
    ...failures,
  ]
    .join(" ")
    .slice(0, 1_024);
  return {
    observedGeneration: image.metadata.generation ?? 0,
    ...(cachedOn.size > 0 && { cachedOn: [...cachedOn].toSorted() }),
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

/** What racks hold of an image, or tried to. */
const copiesOf = ({ spec }: OSImage, racks: readonly Rack[]) => {
  const digests = new Set(spec.artifacts.map(({ digest }) => digest));
  return racks.flatMap((rack) =>
    (rack.status?.images ?? [])
      .filter(({ digest }) => digests.has(digest))
      .map((copy) => ({ rack, ...copy })),
  );
};

/** A sentence for each rack that could not get it, also while it tries again: its zone's machines wait. */
const failuresOf = (image: OSImage, racks: readonly Rack[]): readonly string[] =>
  copiesOf(image, racks)
    .filter(({ state, message }) => state === "Failed" || (state === "Fetching" && message))
    .map(({ rack: { metadata, spec }, message = "it could not be fetched" }) => {
      const what = `Rack ${metadata.name} of zone ${spec.zone}: ${message}`;
      return what.endsWith(".") ? what : `${what}.`;
    })
    .toSorted();
