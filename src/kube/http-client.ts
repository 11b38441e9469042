import type { KubeObject, ObjectRef, Resource } from "#base/object.ts";
import { watchEventOf } from "./_answer.ts";
import { lines } from "./_lines.ts";
import { applyPath, collectionPath, listPath, objectPath, watchPath } from "./_paths.ts";
import { asAnswer, type Request, Transport, type TransportOptions } from "./_transport.ts";
import {
  ApiError,
  type ApplyOptions,
  type DeleteOptions,
  type Draft,
  isAlreadyExists,
  isInvalid,
  isNotFound,
  type KubeClient,
  type ListOptions,
  type ObjectList,
  type PatchOptions,
  type ReplaceOptions,
  type WatchEvent,
  type WatchOptions,
} from "./client.ts";

const MERGE_PATCH = "application/merge-patch+json";
const APPLY_PATCH = "application/apply-patch+yaml"; // JSON is YAML

/** {@link KubeClient} over HTTP. */
export class HttpKubeClient implements KubeClient {
  readonly #transport: Transport;

  constructor(options: TransportOptions) {
    this.#transport = new Transport(options);
  }

  async get<T extends KubeObject>(
    resource: Resource,
    ref: ObjectRef,
    signal: AbortSignal,
  ): Promise<T | null> {
    const request: Request = { method: "GET", path: objectPath(resource, ref) };
    return this.#transport.call<T>(request, signal).catch(nullIf(isNotFound));
  }

  async list<T extends KubeObject>(
    resource: Resource,
    options: ListOptions,
    signal: AbortSignal,
  ): Promise<ObjectList<T>> {
    const request: Request = { method: "GET", path: listPath(resource, options) };
    const { items, metadata } = await this.#transport.call<ListBody<T>>(request, signal);
    const token = metadata.continue ?? "";
    return {
      items: items ?? [],
      resourceVersion: metadata.resourceVersion,
      ...(token !== "" && { continue: token }),
    };
  }

  async *watch<T extends KubeObject>(
    resource: Resource,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const request: Request = { method: "GET", path: watchPath(resource, options) };
    try {
      const body = await this.#transport.stream(request, signal);
      for await (const line of lines(body)) yield watchEventOf<T>(request.path, line);
    } catch (error) {
      throw asAnswer(request, error, signal);
    }
  }

  async create<T extends KubeObject>(
    resource: Resource,
    object: Draft,
    signal: AbortSignal,
  ): Promise<T | null> {
    const path = collectionPath(resource, namespaceOf(resource, object.metadata));
    const body = { ...typeMeta(resource), ...object };
    return this.#transport
      .call<T>({ method: "POST", path, body }, signal)
      .catch(nullIf(isAlreadyExists));
  }

  async apply<T extends KubeObject>(
    resource: Resource,
    object: Draft,
    options: ApplyOptions,
    signal: AbortSignal,
  ): Promise<T> {
    const path = applyPath(resource, object.metadata, options);
    const body = { ...typeMeta(resource), ...object };
    return this.#transport.call<T>(
      { method: "PATCH", path, contentType: APPLY_PATCH, body },
      signal,
    );
  }

  async mergePatch<T extends KubeObject>(
    resource: Resource,
    ref: ObjectRef,
    patch: object,
    { subresource, ...precondition }: PatchOptions,
    signal: AbortSignal,
  ): Promise<T> {
    const path = objectPath(resource, ref, subresource);
    const body = withPrecondition(patch, precondition);
    const request: Request = { method: "PATCH", path, contentType: MERGE_PATCH, body };
    return this.#transport.call<T>(request, signal).catch((error: unknown) => {
      throw precondition.uid === undefined ? error : asConflict(error);
    });
  }

  async replace<T extends KubeObject>(
    resource: Resource,
    object: T,
    { subresource }: ReplaceOptions,
    signal: AbortSignal,
  ): Promise<T> {
    const path = objectPath(resource, object.metadata, subresource);
    const body = { ...typeMeta(resource), ...object };
    return this.#transport.call<T>({ method: "PUT", path, body }, signal);
  }

  async delete(
    resource: Resource,
    ref: ObjectRef,
    { propagation, ...preconditions }: DeleteOptions,
    signal: AbortSignal,
  ): Promise<boolean> {
    const body = {
      kind: "DeleteOptions",
      apiVersion: "v1",
      preconditions,
      ...(propagation !== undefined && { propagationPolicy: propagation }),
    };
    const request: Request = { method: "DELETE", path: objectPath(resource, ref), body };
    const answer = await this.#transport.call<object>(request, signal).catch(nullIf(isNotFound));
    return answer !== null;
  }
}

interface ListBody<T> {
  readonly items: readonly T[] | null;
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
}

const typeMeta = ({ group, version, kind }: Resource): { apiVersion: string; kind: string } => ({
  apiVersion: group === "" ? version : `${group}/${version}`,
  kind,
});

const namespaceOf = (resource: Resource, { namespace }: ObjectRef): string | undefined =>
  resource.namespaced ? namespace : undefined;

/** A patch carries what it was decided from in the metadata of what it makes of the object. */
function withPrecondition(patch: object, precondition: object): object {
  const metadata = "metadata" in patch ? patch.metadata : undefined;
  return { ...patch, metadata: { ...(metadata as object | undefined), ...precondition } };
}

/** To a custom resource with another UID the API server says that the field is immutable (422). */
function asConflict(error: unknown): unknown {
  if (!isInvalid(error) || !(error instanceof ApiError)) return error;
  if (!error.message.includes("metadata.uid")) return error;
  return new ApiError({ code: 409, reason: "Conflict", message: error.message, cause: error });
}

const nullIf =
  (expected: (error: unknown) => boolean) =>
  (error: unknown): null => {
    if (expected(error)) return null;
    throw error;
  };
