import type { Hash } from "node:crypto";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { backoff } from "#base/backoff.ts";
import type { Clock } from "#base/clock.ts";
import { type Duration, seconds } from "#base/duration.ts";
import { hashFor, verify } from "./digest.ts";
import { ImageError, shown } from "./image-error.ts";
import { LEAST_RATE, Pace } from "./pace.ts";
import { openUpstream } from "./upstream.ts";

export interface DownloadOptions {
  readonly url: string;
  readonly digest: string;
  /** Where it goes once its digest is right. */
  readonly path: string;
  readonly clock: Clock;
  /** Default 30 s. */
  readonly stall?: Duration;
  /** Attempts in a row that bring less than a mebibyte. Default 5. */
  readonly tries?: number;
  /** Why an earlier download of it failed; see {@link Download.trouble}. */
  readonly trouble?: unknown;
  /** Called when the trouble changes. */
  readonly onTrouble?: () => void;
}

const READ = 1_048_576;
/** What a connection must have brought to count as a success, though it broke. */
const ENOUGH = 1_048_576;

/**
 * One fetch of one artifact, however many read it: they follow the growing file. It is hashed as it
 * comes in, goes on where it broke, and gets its name only when its digest is right.
 */
export class Download {
  readonly partial: string;
  readonly #options: DownloadOptions;
  #written = 0;
  #hash: Hash;
  #size: number | null = null;
  #state: "Fetching" | "Cached" | "Failed" = "Fetching";
  #failure: unknown;
  #trouble: unknown;
  #change = Promise.withResolvers<void>();

  constructor(options: DownloadOptions) {
    this.#options = options;
    this.partial = `${options.path}.partial`;
    this.#trouble = options.trouble;
    this.#hash = hashFor(options.digest);
  }

  get written(): number {
    return this.#written;
  }

  /** Of the whole file; `null` until it is known. */
  get size(): number | null {
    return this.#size;
  }

  /** What the last attempt failed by, until another one has brought a mebibyte; `undefined`: nothing. */
  get trouble(): unknown {
    return this.#trouble;
  }

  /** Resolves once the size is known and the file can be opened. Rejects if it never will be. */
  async begun(signal: AbortSignal): Promise<number> {
    while (this.#size === null || this.#state === "Failed") await this.#changed(signal);
    return this.#size;
  }

  /** How many bytes can be read from `offset` on: at least one, or 0 at the end. */
  async available(offset: number, signal: AbortSignal): Promise<number> {
    while (this.#written <= offset && this.#state === "Fetching") await this.#changed(signal);
    if (this.#state === "Failed") throw this.#failure;
    return Math.max(0, this.#written - offset);
  }

  /** Resolves when the file is in its place; rejects with {@link ImageError} if it cannot be had. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#fetch(signal);
      this.#state = "Cached";
    } catch (error) {
      this.#failure = error;
      this.#state = "Failed";
      throw error;
    } finally {
      this.#tell();
    }
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    const { digest, path, url } = this.#options;
    const isResumed = (await sizeOf(this.partial)) > 0;
    await using file = await open(this.partial, isResumed ? "r+" : "w+");
    try {
      await this.#rehash(file);
      await this.#all(file, signal);
      verify(this.#hash, digest, shown(url));
    } catch (error) {
      if (isWrong(error)) await rm(this.partial, { force: true });
      if (isWrong(error) && isResumed) return this.#fetch(signal); // what was left was no good
      throw error;
    }
    await file.datasync(); // what has its name is believed after a crash
    await rename(this.partial, path);
  }

  /** What an earlier process has left. */
  async #rehash(file: FileHandle): Promise<void> {
    this.#restart();
    const buffer = Buffer.alloc(READ);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#written);
      if (bytesRead === 0) return;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#written += bytesRead;
    }
  }

  #restart(): void {
    this.#hash = hashFor(this.#options.digest);
    this.#written = 0;
  }

  async #all(file: FileHandle, signal: AbortSignal): Promise<void> {
    const { clock, tries = 5 } = this.#options;
    for (let failed = 0; ; failed++) {
      const before = this.#written;
      try {
        return await this.#once(file, signal);
      } catch (error) {
        if (this.#written - before >= ENOUGH) failed = 0;
        if (isOver(error, signal) || failed + 1 >= tries) throw error;
        this.#isTroubledBy(error);
      }
      await clock.sleep(backoff(seconds(0.5), seconds(10), failed, 0.5), signal);
    }
  }

  #isTroubledBy(error: unknown): void {
    if (this.#trouble === error) return;
    this.#trouble = error;
    this.#options.onTrouble?.();
  }

  /** One connection, until the file is whole. */
  async #once(file: FileHandle, signal: AbortSignal): Promise<void> {
    const { url, clock, stall = seconds(30) } = this.#options;
    const upstream = await openUpstream({ url, offset: this.#written, stall }, signal);
    if (upstream.offset !== this.#written) this.#restart(); // over what is there
    this.#size = upstream.size;
    this.#tell();
    const pace = new Pace(clock.now());
    const start = this.#written;
    for await (const chunk of upstream.chunks()) {
      await file.write(chunk, 0, chunk.length, this.#written);
      this.#hash.update(chunk);
      this.#written += chunk.length;
      this.#tell();
      if (this.#written - start >= ENOUGH) this.#isTroubledBy(undefined);
      const rate = pace.tooSlow(chunk.length, clock.now());
      if (rate !== null) throw tooSlow(url, rate);
    }
    if (upstream.size !== null && this.#written < upstream.size) {
      throw new ImageError("Unreachable", `${shown(url)} ended before its end`);
    }
    await file.truncate(this.#written);
    this.#size = this.#written;
  }

  async #changed(signal: AbortSignal): Promise<void> {
    if (this.#state === "Failed") throw this.#failure;
    signal.throwIfAborted();
    const { promise, reject, resolve } = Promise.withResolvers<void>();
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    this.#change.promise.then(resolve, reject);
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  #tell(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }
}

const sizeOf = async (path: string): Promise<number> =>
  (await stat(path).catch(() => null))?.size ?? 0;

const kib = (bytes: number): string => (bytes / 1_024).toFixed(1);

const tooSlow = (url: string, rate: number): ImageError =>
  new ImageError(
    "TooSlow",
    `${shown(url)} sends ${kib(rate)} KiB/s, less than ${kib(LEAST_RATE)}: others go first, and this one goes on where it is when it is asked for again`,
  );

/**
 * Whether another attempt makes no sense now. Who is too slow would be so again: it makes room for
 * those who wait, and comes after them.
 */
const isOver = (error: unknown, signal: AbortSignal): boolean =>
  signal.aborted ||
  !(error instanceof ImageError) ||
  !error.isPassing ||
  error.reason === "TooSlow";

/** What came over a connection that broke may be gone on with; this may not. */
const isWrong = (error: unknown): boolean => error instanceof ImageError && !error.isPassing;
