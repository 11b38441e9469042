/** What is kept of objects elsewhere, and made of it again: as `kubectl get -o yaml`, or Velero. */
import type { ApiAccess } from "../../tools/cluster/request.ts";
import { apiRequest } from "../../tools/cluster/request.ts";
import type { Manifest } from "../../tools/room/manifests.ts";
import { applyManifest } from "../../tools/room/objects.ts";

/** An object as the API server gives it. */
export interface Saved extends Manifest {
  readonly status?: object;
}

/** What a backup leaves behind; owners keep the UIDs that they had. */
const PASSING = [
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "managedFields",
  "selfLink",
];

const pathOf = (plural: string, { namespace, name }: Manifest["metadata"]): string =>
  `/apis/steelyard.dev/v1alpha1${namespace === undefined ? "" : `/namespaces/${namespace}`}/${plural}/${name}`;

/** Reads an object. */
export async function save(
  access: ApiAccess,
  plural: string,
  at: Manifest["metadata"],
  signal: AbortSignal,
): Promise<Saved> {
  const { status, body } = await apiRequest(access, "GET", pathOf(plural, at), undefined, signal);
  if (status !== 200) throw new Error(body);
  return JSON.parse(body) as Saved;
}

/** The object as it can be created: with its annotations, labels and finalizers. */
export function bare({ status: _, metadata, ...rest }: Saved): Manifest {
  const kept = Object.entries(metadata).filter(([field]) => !PASSING.includes(field));
  return { ...rest, metadata: Object.fromEntries(kept) as unknown as Manifest["metadata"] };
}

/** Creates it again under a new UID; `withStatus`: and writes its status as it was. */
export async function restore(
  access: ApiAccess,
  plural: string,
  saved: Saved,
  { withStatus }: { readonly withStatus: boolean },
  signal: AbortSignal,
): Promise<void> {
  await applyManifest(access, bare(saved), signal);
  if (!withStatus || saved.status === undefined) return;
  const path = `${pathOf(plural, saved.metadata)}/status`;
  const patch = { status: saved.status };
  const { status, body } = await apiRequest(access, "PATCH", path, patch, signal);
  // Not there any more: what belongs to an owner that is gone is collected as it comes.
  if (status !== 200 && status !== 404) throw new Error(body);
}
