import type { ObjectRef, Resource } from "#base/object.ts";
import type { ApplyOptions, ListOptions, Selection, WatchOptions } from "./client.ts";

/** `/api/v1/namespaces/n/secrets`, `/apis/steelyard.dev/v1alpha1/zones`; no namespace: all of them. */
export function collectionPath({ group, version, plural }: Resource, namespace?: string): string {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  return namespace === undefined
    ? `${root}/${plural}`
    : `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

export function objectPath(resource: Resource, ref: ObjectRef, subresource?: string): string {
  const collection = collectionPath(resource, resource.namespaced ? ref.namespace : undefined);
  const path = `${collection}/${encodeURIComponent(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

export const listPath = (resource: Resource, { namespace, ...options }: ListOptions): string =>
  withQuery(collectionPath(resource, namespace), { ...options });

export function watchPath(
  resource: Resource,
  { namespace, ...options }: Selection & WatchOptions,
): string {
  return withQuery(collectionPath(resource, namespace), { watch: true, ...options });
}

export const applyPath = (resource: Resource, ref: ObjectRef, options: ApplyOptions): string =>
  withQuery(objectPath(resource, ref), { ...options });

function withQuery(path: string, options: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size === 0 ? path : `${path}?${query}`;
}
