import { type KubeObject, keyOf } from "#base/object.ts";
import { Index, type IndexFunction } from "./_indexes.ts";
import { isOlder } from "./_version.ts";

/** Told of each change by its key; `object` is undefined when it is gone. Must not throw. */
export type ChangeListener<T> = (
  key: string,
  object: T | undefined,
  previous: T | undefined,
) => void;

/** A shared view of a kind's objects. What it hands out belongs to everybody: never change it. */
export interface Cache<T extends KubeObject> {
  /** Whether the first list is in. Before that, absence means nothing. */
  readonly isSynced: boolean;
  /** Resolves once {@link isSynced}. */
  synced(signal: AbortSignal): Promise<void>;
  get(key: string): T | undefined;
  list(): Iterable<T>;
  readonly size: number;
  /** All objects that the index function of that name put under `value`. */
  by(index: string, value: string): readonly T[];
  /** Starts with what is there already. Returns what ends it. */
  onChange(listener: ChangeListener<T>): () => void;
  /** Takes in the answer to a write of our own, unless something newer is here. */
  observeWrite(object: T): void;
}

export interface CacheOptions<T> {
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /** What is kept of an object; see {@link withoutManagedFields}, the default. */
  readonly trim?: (object: T) => T;
}

/** Drops who set which field: often the larger half of an object, and nothing that we read. */
export function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (!("managedFields" in object.metadata)) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** A list that is coming in. */
export interface Relist<T> {
  page(items: readonly T[]): void;
  end(): void;
}

/**
 * The cache that a reflector fills. It is complete as of one resourceVersion, its `progress`: an
 * object that is not here and is not newer than that does not exist. So neither a late answer to a
 * write nor a watch that lags behind it can bring back what is gone or what has changed since.
 */
export class ObjectCache<T extends KubeObject> implements Cache<T> {
  readonly #objects = new Map<string, T>();
  readonly #indexes: ReadonlyMap<string, Index<T>>;
  readonly #trim: (object: T) => T;
  readonly #listeners = new Set<ChangeListener<T>>();
  readonly #sync = Promise.withResolvers<void>();
  #synced = false;
  #progress = "";

  constructor({ indexes = {}, trim = withoutManagedFields }: CacheOptions<T> = {}) {
    this.#indexes = new Map(Object.entries(indexes).map(([name, of]) => [name, new Index(of)]));
    this.#trim = trim;
  }

  get isSynced(): boolean {
    return this.#synced;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** Where a watch goes on from; "" before the first list. */
  get progress(): string {
    return this.#progress;
  }

  synced(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const stop = (): void => reject(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      this.#sync.promise.then(() => {
        signal.removeEventListener("abort", stop);
        resolve();
      }, reject);
    });
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): Iterable<T> {
    return this.#objects.values();
  }

  by(index: string, value: string): readonly T[] {
    const found = this.#indexes.get(index);
    if (found === undefined) throw new Error(`the cache has no index ${index}`);
    return Array.from(found.keys(value), (key) => this.#objects.get(key)).filter(isThere);
  }

  onChange(listener: ChangeListener<T>): () => void {
    this.#listeners.add(listener);
    for (const [key, object] of this.#objects) listener(key, object, undefined);
    return () => this.#listeners.delete(listener);
  }

  observeWrite(object: T): void {
    const { resourceVersion } = object.metadata;
    const here = this.#objects.has(keyOf(object.metadata));
    const isNew = this.#progress === "" || isOlder(this.#progress, resourceVersion);
    if (!here && !isNew) return; // deleted since
    this.#put(object);
  }

  /** An event of the watch. */
  changed(object: T): void {
    this.#put(object);
    this.#progress = object.metadata.resourceVersion;
  }

  /** A DELETED event of the watch; its resourceVersion is that of the deletion. */
  deleted(object: T): void {
    const key = keyOf(object.metadata);
    const here = this.#objects.get(key);
    this.#progress = object.metadata.resourceVersion;
    if (here !== undefined && !isOlder(this.#progress, here.metadata.resourceVersion)) {
      this.#remove(key);
    }
  }

  /** A bookmark of the watch. */
  advanced(resourceVersion: string): void {
    this.#progress = resourceVersion;
  }

  /**
   * Takes in a list page by page; `end` when it is whole: then what it did not hold, and is not
   * newer than it, is gone. A list older than what we have seen means that etcd was restored from a
   * backup: then it counts, whatever we hold.
   */
  relist(resourceVersion: string): Relist<T> {
    const wentBack = isOlder(resourceVersion, this.#progress);
    const seen = new Set<string>();
    return {
      page: (items) => {
        for (const item of items) {
          seen.add(keyOf(item.metadata));
          this.#put(item, wentBack);
        }
      },
      end: () => {
        this.#progress = resourceVersion;
        for (const [key, { metadata }] of this.#objects) {
          const newer = !wentBack && isOlder(resourceVersion, metadata.resourceVersion);
          if (!newer && !seen.has(key)) this.#remove(key);
        }
        this.#synced = true;
        this.#sync.resolve();
      },
    };
  }

  #put(whole: T, anyVersion = false): void {
    const key = keyOf(whole.metadata);
    const previous = this.#objects.get(key);
    if (previous !== undefined && !isNews(whole, previous, anyVersion)) return;
    const object = this.#trim(whole);
    this.#objects.set(key, object);
    this.#tell(key, object, previous);
  }

  #remove(key: string): void {
    const previous = this.#objects.get(key);
    this.#objects.delete(key);
    this.#tell(key, undefined, previous);
  }

  #tell(key: string, object: T | undefined, previous: T | undefined): void {
    for (const index of this.#indexes.values()) index.update(key, previous, object);
    for (const listener of this.#listeners) listener(key, object, previous);
  }
}

const isThere = <T>(object: T | undefined): object is T => object !== undefined;

function isNews(object: KubeObject, previous: KubeObject, anyVersion: boolean): boolean {
  const [version, before] = [object.metadata.resourceVersion, previous.metadata.resourceVersion];
  return version !== before && (anyVersion || !isOlder(version, before));
}
