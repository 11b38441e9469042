import type { KubeObject, Resource } from "#base/object.ts";
import type { Cache } from "./cache.ts";
import type { KubeClient } from "./client.ts";
import { mergePatchOf } from "./merge-patch.ts";

export interface StatusWriterOptions<T extends KubeObject> {
  readonly client: KubeClient;
  readonly resource: Resource;
  /** Learns of our own writes, so that the next reconcile sees them. */
  readonly cache?: Pick<Cache<T>, "observeWrite">;
}

/**
 * Brings an object's status to `status`, whole: a field that is absent there is removed. Sends the
 * difference to `object`, from which it was decided, and is refused (409) if that is old; sends
 * nothing if there is none. Resolves to the object as it is then.
 */
export type WriteStatus<T extends KubeObject> = (
  object: T,
  status: NonNullable<T["status"]> & object,
  signal: AbortSignal,
) => Promise<T>;

export function statusWriter<T extends KubeObject>({
  client,
  resource,
  cache,
}: StatusWriterOptions<T>): WriteStatus<T> {
  return async (object, status, signal) => {
    const patch = mergePatchOf({ ...(object.status ?? {}) }, { ...status });
    if (patch === undefined) return object;
    const { uid, resourceVersion } = object.metadata;
    const written = await client.mergePatch<T>(
      resource,
      object.metadata,
      { status: patch },
      { subresource: "status", uid, resourceVersion },
      signal,
    );
    cache?.observeWrite(written);
    return written;
  };
}
