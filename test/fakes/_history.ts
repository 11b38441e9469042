import type { KubeObject } from "#base/object.ts";
import { ApiError, type WatchEvent } from "#kube/client.ts";

interface Change {
  readonly version: number;
  readonly collection: string;
  readonly object: KubeObject | undefined;
  readonly previous: KubeObject | undefined;
}

type Test = (object: KubeObject) => boolean;

/** All changes in their order, as etcd keeps them: what watches are made of. */
export class History {
  #version = 0;
  #changes: Change[] = [];
  #compacted = 0;
  #news = Promise.withResolvers<void>();

  get version(): number {
    return this.#version;
  }

  next(): number {
    return ++this.#version;
  }

  add(change: Omit<Change, "version">): void {
    this.#changes.push({ ...change, version: this.#version });
    this.wake();
  }

  wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers<void>();
  }

  /** Forgets what was: a watch from before now gets 410. */
  compact(): void {
    this.#compacted = this.#version;
    this.#changes = [];
  }

  /** Resolves when something has happened since it was called. */
  get news(): Promise<void> {
    return this.#news.promise;
  }

  /** What a watch of the collection sees after `version`. */
  since(version: number, collection: string, selects: Test): Seen[] {
    if (version < this.#compacted) {
      const message = `too old resource version: ${version} (${this.#compacted})`;
      throw new ApiError({ code: 410, reason: "Expired", message });
    }
    return this.#changes
      .slice(version - this.#compacted) // each version is one change
      .filter((change) => change.collection === collection)
      .flatMap((change) => eventOf(change, selects));
  }
}

interface Seen {
  readonly version: number;
  readonly event: WatchEvent<KubeObject>;
}

/** An object that leaves the selection looks like a deleted one, as it was before. */
function eventOf({ version, object, previous }: Change, selects: Test): Seen[] {
  const before = previous !== undefined && selects(previous);
  const after = object !== undefined && selects(object);
  if (after) return [{ version, event: { type: before ? "MODIFIED" : "ADDED", object } }];
  if (!before) return [];
  const metadata = { ...previous.metadata, resourceVersion: String(version) };
  return [{ version, event: { type: "DELETED", object: { ...previous, metadata } } }];
}
