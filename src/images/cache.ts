import { mkdir, open, readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#base/clock.ts";
import { type Duration, seconds } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import { digestOfFile, fileOf } from "./digest.ts";
import { Download } from "./download.ts";
import { ImageError } from "./image-error.ts";
import { Permits } from "./permits.ts";

/** An artifact: what it must be, and where it is to be had. */
export interface ArtifactRef {
  readonly digest: string;
  readonly url: string;
}

/** Bytes from any offset, also of a file that is still coming in. */
export interface ImageReader extends AsyncDisposable {
  readonly size: number;
  /** Waits until there is at least one byte, but for the end. Rejects with {@link ImageError}. */
  read(into: Uint8Array, offset: number, signal: AbortSignal): Promise<number>;
}

export interface ImageState {
  readonly digest: string;
  readonly state: "Fetching" | "Cached" | "Failed";
  readonly progressPercent?: number;
  readonly message?: string;
}

export interface ImageCacheOptions {
  /** Made if it is missing. Nothing else may be in it. */
  readonly dir: string;
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Reads of the disk at a time: a burst of readers gets slower, and none is refused. Default 32. */
  readonly maxReads?: number;
  /** Fetches at a time. Default 4. */
  readonly maxDownloads?: number;
  /** Default 30 s. */
  readonly stall?: Duration;
}

interface Entry {
  readonly size: number;
  usedAt: number;
  readers: number;
}

/** For so long a failure is told again to who asks, so that a crowd does not storm the upstream. */
const FAILURE_LIFE = seconds(10);

/**
 * OS images on a rack's disk, by digest. One fetch however many ask; who asks early reads along.
 * What lies there under its name was verified; what is used least is thrown away first.
 */
export class ImageCache {
  readonly #options: ImageCacheOptions;
  readonly #stop: AbortSignal;
  readonly #entries = new Map<string, Entry>();
  readonly #downloads = new Map<string, Download>();
  readonly #failures = new Map<string, { readonly error: unknown; readonly at: number }>();
  readonly #reads: Permits;
  readonly #slots: Permits;
  readonly #listeners = new Set<() => void>();

  private constructor(options: ImageCacheOptions, signal: AbortSignal) {
    this.#options = options;
    this.#stop = signal;
    this.#reads = new Permits(options.maxReads ?? 32);
    this.#slots = new Permits(options.maxDownloads ?? 4);
  }

  /** Takes up what an earlier process has left. Fetches end with the signal. */
  static async open(options: ImageCacheOptions, signal: AbortSignal): Promise<ImageCache> {
    const cache = new ImageCache(options, signal);
    await mkdir(options.dir, { recursive: true });
    for (const name of await readdir(options.dir)) {
      const digest = digestOfFile(name);
      if (digest === null) continue;
      const { size, mtimeMs } = await stat(join(options.dir, name));
      cache.#entries.set(digest, { size, usedAt: mtimeMs, readers: 0 });
    }
    return cache;
  }

  /** Called at each change of a state, not of progress. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  states(): readonly ImageState[] {
    const cached = [...this.#entries.keys()].map(
      (digest) => ({ digest, state: "Cached" }) as const,
    );
    const failed = [...this.#failures]
      .filter(([digest]) => !this.#downloads.has(digest))
      .map(
        ([digest, { error }]) => ({ digest, state: "Failed", message: messageOf(error) }) as const,
      );
    return [...cached, ...[...this.#downloads].map(fetching), ...failed];
  }

  /** How many fetches began before this one's, and are not done; it begins when a slot is free. */
  ahead(digest: string): number {
    return Math.max(0, [...this.#downloads.keys()].indexOf(digest));
  }

  /** Sees to it that the artifact is here, or comes. Never rejects: see {@link states}. */
  prefetch(ref: ArtifactRef): void {
    if (!this.#entries.has(ref.digest)) this.#download(ref);
  }

  /** @throws {@link ImageError} if it cannot be had */
  async read(ref: ArtifactRef, signal: AbortSignal): Promise<ImageReader> {
    for (;;) {
      const entry = this.#entries.get(ref.digest);
      if (entry !== undefined) {
        const reader = await this.#readFile(ref.digest, entry);
        if (reader !== null) return reader;
      }
      const failure = this.#failures.get(ref.digest);
      const isFresh =
        failure !== undefined && this.#options.clock.now() - failure.at < FAILURE_LIFE;
      if (isFresh) throw failure.error;
      const download = this.#download(ref);
      const size = await download.begun(signal);
      const reader = await this.#readAlong(download, size);
      if (reader !== null) return reader;
    }
  }

  /** `null`: somebody deleted the file. */
  async #readFile(digest: string, entry: Entry): Promise<ImageReader | null> {
    entry.readers++; // before anything is waited for: it must not be thrown away meanwhile
    const path = this.#path(digest);
    const file = await open(path, "r").catch(() => null);
    if (file === null) {
      this.#entries.delete(digest);
      return null;
    }
    entry.usedAt = this.#options.clock.now();
    await utimes(path, entry.usedAt / 1_000, entry.usedAt / 1_000).catch(() => undefined);
    return {
      size: entry.size,
      read: async (into, offset, signal) => {
        using _ = await this.#reads.take(signal);
        return (await file.read(into, 0, into.length, offset)).bytesRead;
      },
      [Symbol.asyncDispose]: async () => {
        entry.readers--;
        await file.close();
      },
    };
  }

  /** `null`: it ended just now. */
  async #readAlong(download: Download, size: number): Promise<ImageReader | null> {
    const file = await open(download.partial, "r").catch(() => null);
    if (file === null) return null;
    return {
      size,
      read: async (into, offset, signal) => {
        if (offset >= size) return 0;
        const available = await download.available(offset, signal);
        using _ = await this.#reads.take(signal);
        return (await file.read(into, 0, Math.min(into.length, available), offset)).bytesRead;
      },
      [Symbol.asyncDispose]: () => file.close(),
    };
  }

  #download(ref: ArtifactRef): Download {
    const running = this.#downloads.get(ref.digest);
    if (running !== undefined) return running;
    const { clock, stall } = this.#options;
    const path = this.#path(ref.digest);
    const limit = stall === undefined ? {} : { stall };
    const trouble = this.#failures.get(ref.digest)?.error;
    const onTrouble = () => this.#tell();
    const download = new Download({ ...ref, path, clock, trouble, onTrouble, ...limit });
    this.#downloads.set(ref.digest, download);
    this.#tell();
    this.#run(ref, download).catch((error: unknown) => this.#failed(ref, error));
    return download;
  }

  async #run({ digest }: ArtifactRef, download: Download): Promise<void> {
    using _ = await this.#slots.take(this.#stop);
    this.#options.log.info({ digest }, "fetching an image");
    await download.run(this.#stop);
    const usedAt = this.#options.clock.now();
    this.#entries.set(digest, { size: download.written, usedAt, readers: 0 });
    this.#failures.delete(digest);
    this.#downloads.delete(digest);
    this.#options.log.info({ digest, bytes: download.written }, "image cached");
    await this.#evict(digest);
    this.#tell();
  }

  #failed({ digest }: ArtifactRef, error: unknown): void {
    this.#downloads.delete(digest);
    if (this.#stop.aborted) return;
    this.#failures.set(digest, { error, at: this.#options.clock.now() });
    const reason = error instanceof ImageError ? error.reason : "Unexpected";
    this.#options.log.error({ digest, reason, err: error }, "an image cannot be had");
    this.#tell();
  }

  /** Those that nobody reads, the one that was used longest ago first. */
  async #evict(keep: string): Promise<void> {
    let total = [...this.#entries.values()].reduce((sum, { size }) => sum + size, 0);
    const idle = [...this.#entries].filter(([key, { readers }]) => readers === 0 && key !== keep);
    for (const [digest, { size }] of idle.sort(([, a], [, b]) => a.usedAt - b.usedAt)) {
      if (total <= this.#options.maxBytes) return;
      this.#entries.delete(digest);
      await rm(this.#path(digest), { force: true });
      total -= size;
      this.#options.log.info({ digest }, "image thrown away to make room");
    }
  }

  #path(digest: string): string {
    return join(this.#options.dir, fileOf(digest));
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function fetching([digest, { size, written, trouble }]: readonly [string, Download]): ImageState {
  const progress = size === null || size === 0 ? {} : { progressPercent: percent(written, size) };
  const message = trouble === undefined ? {} : { message: messageOf(trouble) };
  return { digest, state: "Fetching", ...progress, ...message };
}

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, 256);

const percent = (part: number, whole: number): number =>
  Math.min(100, Math.floor((100 * part) / whole));
