import { POOL_LABEL } from "#api/group.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { OSImage } from "#api/os-image.ts";
import type { Requirements } from "#api/placement.ts";
import type { Zone } from "#api/zone.ts";
import { keyOf } from "#base/object.ts";
import { matchesLabels } from "./selector.ts";

/** What placement sees of a claim that waits. */
export interface Request {
  readonly uid: string;
  readonly key: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly priority: number;
  /** RFC 3339, as Kubernetes writes it: sorts as text. */
  readonly createdAt: string;
  readonly spec: MachineClaim["spec"];
  readonly need: Requirements;
  /** Zones whose claimNamespaces let this claim's namespace in. */
  readonly zones: ReadonlySet<string>;
  /** The OSImage of spec.deploy. */
  readonly image: ImageNeed | null;
}

/** What an image asks of a machine. */
export interface ImageNeed {
  readonly architectures: readonly string[];
  readonly minDiskGiB: number;
}

export function requestOf(
  { metadata, spec }: MachineClaim,
  zones: ReadonlySet<string>,
  image: OSImage | undefined,
): Request {
  return {
    uid: metadata.uid,
    key: keyOf(metadata),
    namespace: metadata.namespace ?? "",
    labels: metadata.labels ?? {},
    priority: spec.priority,
    createdAt: metadata.creationTimestamp ?? "",
    spec,
    need: spec.requirements ?? {},
    zones,
    image: image === undefined ? null : imageNeed(image),
  };
}

const imageNeed = ({ spec }: OSImage): ImageNeed => ({
  architectures: spec.artifacts.map(({ architecture }) => architecture),
  minDiskGiB: spec.minDiskGiB ?? 0,
});

/** Who is served first: priority, then age, then UID, so that there is one order for all. */
export function byTurn(a: Request, b: Request): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? -1 : 1;
  return a.uid < b.uid ? -1 : 1;
}

/**
 * Whether the zone lets claims of that namespace in: by its name or by its labels. Without
 * claimNamespaces: nobody's; an empty one, as an empty LabelSelector: everybody's.
 */
export function admits(
  { spec }: Zone,
  namespace: string,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  if (spec.claimNamespaces === undefined) return false;
  const { names, ...selector } = spec.claimNamespaces;
  if (names?.includes(namespace)) return true;
  const selects = Object.values(selector).some((part) => part !== undefined);
  if (!selects) return names === undefined;
  return labels !== undefined && matchesLabels(selector, labels);
}

/** The labels of the claims that count for a spread of this one: of its pool, else like its own. */
export const siblings = ({ labels }: Pick<Request, "labels">): Readonly<Record<string, string>> => {
  const pool = labels[POOL_LABEL];
  return pool === undefined ? labels : { [POOL_LABEL]: pool };
};
