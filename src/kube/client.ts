import type { Duration } from "#base/duration.ts";
import type { KubeObject, ObjectMeta, ObjectRef, Resource } from "#base/object.ts";

/** What a caller may set of `metadata`; the rest is the API server's. */
export type DraftMeta = { readonly name: string } & Partial<
  Pick<ObjectMeta, "namespace" | "labels" | "annotations" | "finalizers" | "ownerReferences">
>;

/** An object that we make. The client fills in `apiVersion` and `kind` from the resource. */
export interface Draft {
  readonly metadata: DraftMeta;
  readonly [field: string]: unknown;
}

/** Which objects of a resource. Without a namespace: those of all namespaces. */
export interface Selection {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ListOptions extends Selection {
  /** At most so many items; what is left is got by `continue`. */
  readonly limit?: number;
  readonly continue?: string;
  /** "0" allows an answer from the API server's cache, however old; absent: the newest. */
  readonly resourceVersion?: string;
}

export interface ObjectList<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  /** There is more: ask again with this. Never "". */
  readonly continue?: string;
}

export interface WatchOptions extends Selection {
  /** Everything after this version is reported. */
  readonly resourceVersion: string;
  /** After so many seconds the API server ends the watch in peace. */
  readonly timeoutSeconds: number;
  readonly allowWatchBookmarks: boolean;
}

/** An ERROR event is no event here: it is thrown as {@link ApiError}. */
export type WatchEvent<T> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string };

export interface Precondition {
  /** The write is refused (409) unless the object still has it. */
  readonly resourceVersion?: string;
  /** The write is refused (409) if a new object has taken the name. */
  readonly uid?: string;
}

export interface PatchOptions extends Precondition {
  readonly subresource?: "status" | "scale";
}

export interface ReplaceOptions {
  readonly subresource?: "status" | "scale";
}

export interface DeleteOptions extends Precondition {
  /** Foreground: it stays until what it owns is gone. Default: the kind's own. */
  readonly propagation?: "Background" | "Foreground" | "Orphan";
}

export interface ApplyOptions {
  readonly fieldManager: string;
  /** Takes over fields that another manager owns; else that is a 409. */
  readonly force?: boolean;
}

/**
 * The Kubernetes API, whatever the kind. Objects come as plain JSON: times are strings.
 *
 * `T` is the caller's word for what the CRD promises; nothing is validated here.
 * Each call rejects with {@link ApiError}, or with the signal's reason, and with nothing else. It
 * has a deadline of its own, so `signal` may be a process's. No call but a read, and one that the
 * server refused unread (429), is ever sent twice.
 */
export interface KubeClient {
  /** Null: there is no such object. */
  get<T extends KubeObject>(
    resource: Resource,
    ref: ObjectRef,
    signal: AbortSignal,
  ): Promise<T | null>;

  list<T extends KubeObject>(
    resource: Resource,
    options: ListOptions,
    signal: AbortSignal,
  ): Promise<ObjectList<T>>;

  /**
   * Ends when the server ends it; throws when the connection breaks or the version is too old (410).
   * May hang for ever on a half-open connection: see the idle limit in reflector.ts.
   */
  watch<T extends KubeObject>(
    resource: Resource,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;

  /** Null: the name is taken. */
  create<T extends KubeObject>(
    resource: Resource,
    object: Draft,
    signal: AbortSignal,
  ): Promise<T | null>;

  /** Server-side apply: for objects that we create, never for a status. */
  apply<T extends KubeObject>(
    resource: Resource,
    object: Draft,
    options: ApplyOptions,
    signal: AbortSignal,
  ): Promise<T>;

  /** RFC 7386: null removes a field, a list is replaced whole. */
  mergePatch<T extends KubeObject>(
    resource: Resource,
    ref: ObjectRef,
    patch: object,
    options: PatchOptions,
    signal: AbortSignal,
  ): Promise<T>;

  /** PUT. The object's own resourceVersion, where it has one, is the precondition. */
  replace<T extends KubeObject>(
    resource: Resource,
    object: T,
    options: ReplaceOptions,
    signal: AbortSignal,
  ): Promise<T>;

  /** False: there was none. True: gone, or going as soon as its finalizers let it. */
  delete(
    resource: Resource,
    ref: ObjectRef,
    options: DeleteOptions,
    signal: AbortSignal,
  ): Promise<boolean>;
}

interface ApiErrorDetails {
  /** The HTTP status; 0 when no answer came. */
  readonly code: number;
  /** `status.reason`, e.g. "Conflict"; "Unreachable" when no answer came. */
  readonly reason: string;
  readonly message: string;
  /** How long the server asked us to stay away. */
  readonly retryAfter?: Duration | null;
  readonly cause?: unknown;
}

/** The API server refused, or could not be reached. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: number;
  readonly reason: string;
  readonly retryAfter: Duration | null;

  constructor({ code, reason, message, retryAfter = null, cause }: ApiErrorDetails) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

/** The error for a request that got no answer, or none in time. */
export const noAnswer = (message: string, cause?: unknown): ApiError =>
  new ApiError({ code: 0, reason: "Unreachable", message, cause });

const has =
  (...codes: readonly number[]) =>
  (error: unknown): boolean =>
    error instanceof ApiError && codes.includes(error.code);

export const isNotFound = has(404);
export const isForbidden = has(403);
/** The schema, a CEL rule or an admission policy of kind Invalid said no. */
export const isInvalid = has(422);
/** The resourceVersion is too old: list again. */
export const isGone = has(410);
/** No answer came, or none that says what became of the request. */
export const isUnreachable = has(0);

export const isAlreadyExists = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 409 && error.reason === "AlreadyExists";

/** A precondition did not hold: our view was old. */
export const isConflict = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 409 && error.reason !== "AlreadyExists";
