import { isDeepStrictEqual } from "node:util";
import { type Clock, systemClock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { type KubeObject, keyOf, type ObjectRef, type Resource } from "#base/object.ts";
import type {
  ApplyOptions,
  DeleteOptions,
  Draft,
  KubeClient,
  ListOptions,
  ObjectList,
  PatchOptions,
  Precondition,
  ReplaceOptions,
  WatchEvent,
  WatchOptions,
} from "#kube/client.ts";
import { ApiError, noAnswer } from "#kube/client.ts";
import { kubeTime } from "#kube/conditions.ts";
import { History } from "./_history.ts";
import { selects } from "./_select.ts";

export interface Call {
  readonly verb: "get" | "list" | "watch" | "create" | "apply" | "patch" | "replace" | "delete";
  readonly resource: string;
  /** The object's key, "" for a collection. */
  readonly key: string;
  readonly subresource?: string;
}

export interface ClusterOptions {
  readonly clock?: Clock;
  /** Sees each call before it is served: throws to refuse it, waits to delay it. */
  readonly onCall?: (call: Call) => void | Promise<void>;
  /** Defaulting and validation: what is stored instead of `object`, or a thrown ApiError. */
  readonly admit?: (resource: Resource, object: Fields, previous: Fields | undefined) => Fields;
}

export type Fields = Readonly<Record<string, unknown>>;

/**
 * An API server in memory that passes the same suite as the real one: versions, preconditions,
 * status subresource, generations, finalizers, garbage collection, selectors, paging, watches.
 * Every kind is there. It hands out frozen objects, so who changes one is found out.
 */
export class FakeCluster implements KubeClient {
  /** Everything that changed something, in order: for counting writes. */
  readonly writes: Call[] = [];
  readonly #options: ClusterOptions;
  readonly #clock: Clock;
  readonly #history = new History();
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #pages = new Map<string, ObjectList<KubeObject>>();
  #broken = Promise.withResolvers<void>();
  #serial = 0;

  constructor(options: ClusterOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Ends all watches, as a broken connection does. */
  breakWatches(): void {
    this.#broken.resolve();
    this.#broken = Promise.withResolvers<void>();
  }

  /** Forgets the past: watches that go on from before now get 410. */
  compact(): void {
    this.#history.compact();
  }

  async get<T extends KubeObject>(
    resource: Resource,
    ref: ObjectRef,
    signal: AbortSignal,
  ): Promise<T | null> {
    await this.#called("get", resource, ref, signal);
    return (this.#of(resource).get(keyOf(ref)) as T | undefined) ?? null;
  }

  async list<T extends KubeObject>(
    resource: Resource,
    options: ListOptions,
    signal: AbortSignal,
  ): Promise<ObjectList<T>> {
    await this.#called("list", resource, null, signal);
    const rest = this.#rest(resource, options);
    const { limit = rest.items.length } = options;
    const page = { ...rest, items: rest.items.slice(0, limit) };
    if (rest.items.length <= limit) return page as unknown as ObjectList<T>;
    const token = `page-${++this.#serial}`;
    this.#pages.set(token, { ...rest, items: rest.items.slice(limit) });
    return { ...page, continue: token } as unknown as ObjectList<T>;
  }

  async *watch<T extends KubeObject>(
    resource: Resource,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    await this.#called("watch", resource, null, signal);
    const end = new AbortController();
    const over = this.#clock.sleep(seconds(options.timeoutSeconds), end.signal).then(
      () => "over" as const,
      () => "over" as const,
    );
    const broken = this.#broken.promise.then(() => "broken" as const);
    const aborted = new Promise<"aborted">((resolve) => {
      signal.addEventListener("abort", () => resolve("aborted"), { signal: end.signal });
    });
    let version = Number(options.resourceVersion);
    let cause: unknown;
    try {
      while (cause !== "over") {
        const news = this.#history.news;
        for (const seen of this.#history.since(version, idOf(resource), selects(options))) {
          version = seen.version;
          yield seen.event as WatchEvent<T>;
          signal.throwIfAborted();
        }
        cause = await Promise.race([news, over, broken, aborted]);
        signal.throwIfAborted();
        if (cause === "broken") throw noAnswer("the connection broke");
      }
      if (options.allowWatchBookmarks) {
        yield { type: "BOOKMARK", resourceVersion: String(this.#history.version) };
      }
    } finally {
      end.abort();
    }
  }

  async create<T extends KubeObject>(
    resource: Resource,
    object: Draft,
    signal: AbortSignal,
  ): Promise<T | null> {
    await this.#called("create", resource, object.metadata, signal);
    if (this.#of(resource).has(keyOf(object.metadata))) return null;
    const { status: _, ...rest } = object;
    const uid = `00000000-0000-4000-8000-${String(++this.#serial).padStart(12, "0")}`;
    const creationTimestamp = kubeTime(this.#clock.now());
    const metadata = { ...object.metadata, uid, creationTimestamp, generation: 1 };
    const { group, version, kind } = resource;
    const apiVersion = group === "" ? version : `${group}/${version}`;
    return this.#store<T>(resource, { apiVersion, kind, ...rest, metadata }, undefined);
  }

  /** Without field owners: it merges. */
  async apply<T extends KubeObject>(
    resource: Resource,
    object: Draft,
    _: ApplyOptions,
    signal: AbortSignal,
  ): Promise<T> {
    const made = await this.create<T>(resource, object, signal);
    return made ?? (await this.mergePatch<T>(resource, object.metadata, object, {}, signal));
  }

  async mergePatch<T extends KubeObject>(
    resource: Resource,
    ref: ObjectRef,
    patch: object,
    options: PatchOptions,
    signal: AbortSignal,
  ): Promise<T> {
    await this.#called("patch", resource, ref, signal, options.subresource);
    const before = this.#existing(resource, ref);
    check(resource, before, options);
    const after = merge(before, patch) as KubeObject;
    return this.#update<T>(resource, before, after, options.subresource);
  }

  async replace<T extends KubeObject>(
    resource: Resource,
    object: T,
    { subresource }: ReplaceOptions,
    signal: AbortSignal,
  ): Promise<T> {
    await this.#called("replace", resource, object.metadata, signal, subresource);
    const before = this.#existing(resource, object.metadata);
    check(resource, before, object.metadata);
    return this.#update<T>(resource, before, object, subresource);
  }

  async delete(
    resource: Resource,
    ref: ObjectRef,
    options: DeleteOptions,
    signal: AbortSignal,
  ): Promise<boolean> {
    await this.#called("delete", resource, ref, signal);
    const before = this.#of(resource).get(keyOf(ref));
    if (before === undefined) return false;
    check(resource, before, options);
    if ((before.metadata.finalizers ?? []).length === 0) {
      this.#remove(resource, before, options.propagation !== "Orphan");
    } else if (before.metadata.deletionTimestamp === undefined) {
      const deletionTimestamp = kubeTime(this.#clock.now());
      const generation = (before.metadata.generation ?? 0) + 1;
      const metadata = { ...before.metadata, deletionTimestamp, generation };
      this.#store(resource, { ...before, metadata }, before);
    }
    return true;
  }

  #rest(resource: Resource, options: ListOptions): ObjectList<KubeObject> {
    if (options.continue !== undefined) {
      const rest = this.#pages.get(options.continue);
      if (rest !== undefined) return rest;
      throw new ApiError({ code: 410, reason: "Expired", message: "the continue token is old" });
    }
    const items = [...this.#of(resource).entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, object]) => object)
      .filter(selects(options));
    return { items, resourceVersion: String(this.#history.version) };
  }

  async #called(
    verb: Call["verb"],
    { plural: resource }: Resource,
    ref: ObjectRef | null,
    signal: AbortSignal,
    subresource?: string,
  ): Promise<void> {
    signal.throwIfAborted();
    const key = ref === null ? "" : keyOf(ref);
    const call: Call = { verb, resource, key, ...(subresource !== undefined && { subresource }) };
    await this.#options.onCall?.(call);
    await Promise.resolve(); // an answer never comes in the same turn
    signal.throwIfAborted();
    if (!["get", "list", "watch"].includes(verb)) this.writes.push(call);
  }

  #of(resource: Resource): Map<string, KubeObject> {
    const id = idOf(resource);
    const objects = this.#objects.get(id) ?? new Map<string, KubeObject>();
    this.#objects.set(id, objects);
    return objects;
  }

  #existing(resource: Resource, ref: ObjectRef): KubeObject {
    const object = this.#of(resource).get(keyOf(ref));
    if (object !== undefined) return object;
    const message = `${idOf(resource)} ${JSON.stringify(ref.name)} not found`;
    throw new ApiError({ code: 404, reason: "NotFound", message });
  }

  #update<T extends KubeObject>(
    resource: Resource,
    before: KubeObject,
    wanted: KubeObject,
    subresource: string | undefined,
  ): T {
    const after =
      subresource === undefined ? updated(before, wanted) : withPart(before, wanted, subresource);
    if (isDeepStrictEqual(stripped(after), stripped(before))) return before as T;
    const isGoing = before.metadata.deletionTimestamp !== undefined;
    if (isGoing && (after.metadata.finalizers ?? []).length === 0) {
      return this.#remove(resource, after, true) as T;
    }
    return this.#store<T>(resource, { ...after }, before);
  }

  #store<T extends KubeObject>(
    resource: Resource,
    object: Fields & { readonly metadata: object },
    previous: KubeObject | undefined,
  ): T {
    const plain = JSON.parse(JSON.stringify(object)) as Fields & { readonly metadata: object };
    const admitted =
      this.#options.admit?.(resource, plain, previous as Fields | undefined) ?? plain;
    const resourceVersion = String(this.#history.next());
    const metadata = { ...plain.metadata, resourceVersion };
    const stored = freeze({ ...admitted, metadata }) as unknown as T;
    this.#of(resource).set(keyOf(stored.metadata), stored);
    this.#history.add({ collection: idOf(resource), object: stored, previous });
    return stored;
  }

  #remove(resource: Resource, object: KubeObject, withOwned: boolean): KubeObject {
    this.#history.next();
    this.#of(resource).delete(keyOf(object.metadata));
    this.#history.add({ collection: idOf(resource), object: undefined, previous: object });
    if (withOwned) this.#collect(object.metadata.uid);
    return object;
  }

  /** What the garbage collector does, at once. */
  #collect(uid: string): void {
    for (const [id, objects] of this.#objects) {
      for (const object of [...objects.values()]) {
        if (!object.metadata.ownerReferences?.some((owner) => owner.uid === uid)) continue;
        const [group = "", plural = ""] = id.split("|");
        const resource = { group, version: "", kind: "", plural, namespaced: true };
        if ((object.metadata.finalizers ?? []).length === 0) this.#remove(resource, object, true);
      }
    }
  }
}

const idOf = ({ group, plural }: Resource): string => `${group}|${plural}`;

function check(resource: Resource, { metadata }: KubeObject, wanted: Precondition): void {
  const { uid = metadata.uid, resourceVersion = metadata.resourceVersion } = wanted;
  if (uid === metadata.uid && resourceVersion === metadata.resourceVersion) return;
  const what = `${resource.plural} ${JSON.stringify(metadata.name)}`;
  const message = `Operation cannot be fulfilled on ${what}: the object has been modified`;
  throw new ApiError({ code: 409, reason: "Conflict", message });
}

/** A write to the object itself: it leaves the status, and counts the generation. */
function updated(before: KubeObject, wanted: KubeObject): KubeObject {
  const { uid, creationTimestamp, deletionTimestamp, generation = 1 } = before.metadata;
  const { status: _, ...rest } = wanted;
  const object = { ...rest, ...(before.status !== undefined && { status: before.status }) };
  const isNew = !isDeepStrictEqual(specOf(object), specOf(before));
  const metadata = {
    ...wanted.metadata,
    uid,
    ...(creationTimestamp !== undefined && { creationTimestamp }),
    ...(deletionTimestamp !== undefined && { deletionTimestamp }),
    generation: isNew ? generation + 1 : generation,
  };
  return { ...object, metadata } as KubeObject;
}

function withPart(before: KubeObject, wanted: KubeObject, subresource: string): KubeObject {
  if (subresource === "scale") {
    const { replicas } = wanted.spec as { replicas?: number };
    return updated(before, { ...before, spec: { ...(before.spec as object), replicas } });
  }
  return { ...before, status: wanted.status };
}

/** All that counts for the generation. */
const specOf = ({ metadata: _, status: __, ...rest }: KubeObject): object =>
  JSON.parse(JSON.stringify(rest));

/** As it would be stored, but for its version. */
function stripped(object: KubeObject): unknown {
  const metadata = { ...object.metadata, resourceVersion: "" };
  return JSON.parse(JSON.stringify({ ...object, metadata }));
}

/** RFC 7386, section 2. */
function merge(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const merged: Record<string, unknown> = isFields(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else if (value !== undefined) merged[key] = merge(merged[key], value);
  }
  return merged;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) freeze(part);
  }
  return value;
}
