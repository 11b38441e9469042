import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { ObjectRef, Resource } from "#base/object.ts";
import {
  ApiError,
  type DeleteOptions,
  type Draft,
  type ListOptions,
  type WatchOptions,
} from "#kube/client.ts";
import type { FakeCluster, Fields } from "./cluster.ts";

interface Target {
  readonly resource: Resource;
  readonly ref: ObjectRef | null;
  readonly namespace: string | undefined;
  readonly subresource: "status" | "scale" | undefined;
  readonly query: URLSearchParams;
}

const PATH =
  /^\/(?:api|apis\/([^/]+))\/([^/]+)(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?(?:\/(status|scale))?$/;

/** A {@link FakeCluster} behind HTTP on loopback, in the words of the Kubernetes API. */
export class FakeApiServer implements AsyncDisposable {
  /** Of each request, in order: method, path, headers. */
  readonly requests: IncomingMessage[] = [];
  readonly #server: Server;
  readonly #cluster: FakeCluster;

  private constructor(cluster: FakeCluster) {
    this.#cluster = cluster;
    this.#server = createServer((request, response) => {
      this.requests.push(request);
      this.#serve(request, response).catch((error: unknown) => refuse(response, error));
    });
  }

  static async start(cluster: FakeCluster): Promise<FakeApiServer> {
    const server = new FakeApiServer(cluster);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.on("close", () => gone.abort(new Error("the client went away")));
    const body = await text(request);
    const given = body === "" ? {} : (JSON.parse(body) as Fields);
    const target = targetOf(request.url ?? "", given);
    if (target.query.get("watch") === "true") return this.#watch(target, response, gone.signal);
    const [code, answer] = await this.#answer(request, target, given, gone.signal);
    send(response, code, answer);
  }

  async #answer(
    { method, headers }: IncomingMessage,
    target: Target,
    given: Fields,
    signal: AbortSignal,
  ): Promise<readonly [number, unknown]> {
    switch (`${method} ${target.ref === null ? "collection" : "object"}`) {
      case "GET collection":
        return [200, await this.#list(target, signal)];
      case "GET object":
        return found(await this.#cluster.get(target.resource, refOf(target), signal));
      case "POST collection":
        return made(await this.#cluster.create(target.resource, draftOf(target, given), signal));
      case "PUT object": {
        const object = given as unknown as Parameters<FakeCluster["replace"]>[1];
        return [200, await this.#cluster.replace(target.resource, object, part(target), signal)];
      }
      case "PATCH object":
        return [200, await this.#patch(headers["content-type"] ?? "", target, given, signal)];
      case "DELETE object": {
        const { preconditions, propagationPolicy } = given;
        const options: DeleteOptions = {
          ...(preconditions as object),
          ...(propagationPolicy === "Orphan" && { propagation: "Orphan" }),
        };
        const there = await this.#cluster.delete(target.resource, refOf(target), options, signal);
        return found(there ? { kind: "Status", status: "Success" } : null);
      }
      default:
        throw new ApiError({ code: 405, reason: "MethodNotAllowed", message: `no ${method} here` });
    }
  }

  async #list({ resource, namespace, query }: Target, signal: AbortSignal): Promise<object> {
    const limit = query.get("limit");
    const options: ListOptions = {
      ...selectionOf(namespace, query),
      ...(limit !== null && { limit: Number(limit) }),
      ...(query.has("continue") && { continue: query.get("continue") ?? "" }),
    };
    const { items, ...metadata } = await this.#cluster.list(resource, options, signal);
    return { kind: "List", items, metadata };
  }

  async #patch(type: string, target: Target, given: Fields, signal: AbortSignal): Promise<object> {
    const { resource, query } = target;
    if (type === "application/apply-patch+yaml") {
      const options = { fieldManager: query.get("fieldManager") ?? "" };
      return this.#cluster.apply(resource, draftOf(target, given), options, signal);
    }
    if (type !== "application/merge-patch+json") {
      throw new ApiError({ code: 415, reason: "UnsupportedMediaType", message: type });
    }
    const { uid, resourceVersion } = (given["metadata"] ?? {}) as Record<string, string>;
    const options = {
      ...part(target),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    };
    return this.#cluster.mergePatch(resource, refOf(target), given, options, signal);
  }

  async #watch(
    { resource, namespace, query }: Target,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    const options: WatchOptions = {
      ...selectionOf(namespace, query),
      resourceVersion: query.get("resourceVersion") ?? "0",
      timeoutSeconds: Number(query.get("timeoutSeconds")),
      allowWatchBookmarks: query.get("allowWatchBookmarks") === "true",
    };
    response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
    try {
      for await (const event of this.#cluster.watch(resource, options, signal)) {
        const { type } = event;
        const object =
          type === "BOOKMARK"
            ? { metadata: { resourceVersion: event.resourceVersion } }
            : event.object;
        response.write(`${JSON.stringify({ type, object })}\n`);
      }
    } catch (error) {
      if (!(error instanceof ApiError) || error.code === 0) return void response.destroy();
      response.write(`${JSON.stringify({ type: "ERROR", object: statusOf(error) })}\n`);
    }
    response.end();
  }
}

function targetOf(url: string, body: Fields): Target {
  const { pathname, searchParams: query } = new URL(url, "http://localhost");
  const match = PATH.exec(pathname);
  if (match === null) throw new ApiError({ code: 404, reason: "NotFound", message: pathname });
  const [, group = "", version = "", namespace, plural = "", name, part] = match;
  const kind = String(body["kind"] ?? "");
  const place = namespace === undefined ? {} : { namespace };
  return {
    resource: { group, version, kind, plural, namespaced: namespace !== undefined },
    ref: name === undefined ? null : { ...place, name: decodeURIComponent(name) },
    namespace,
    subresource: part === "status" || part === "scale" ? part : undefined,
    query,
  };
}

const refOf = ({ ref }: Target): ObjectRef => ref ?? { name: "" };

const part = ({ subresource }: Target): { subresource?: "status" | "scale" } =>
  subresource === undefined ? {} : { subresource };

function draftOf({ namespace }: Target, given: Fields): Draft {
  const metadata = given["metadata"] as Draft["metadata"];
  return { ...given, metadata: { ...metadata, ...(namespace !== undefined && { namespace }) } };
}

const selectionOf = (namespace: string | undefined, query: URLSearchParams): ListOptions => ({
  ...(namespace !== undefined && { namespace }),
  ...(query.has("labelSelector") && { labelSelector: query.get("labelSelector") ?? "" }),
  ...(query.has("fieldSelector") && { fieldSelector: query.get("fieldSelector") ?? "" }),
});

function found(object: unknown): readonly [number, unknown] {
  if (object !== null) return [200, object];
  throw new ApiError({ code: 404, reason: "NotFound", message: "not found" });
}

function made(object: unknown): readonly [number, unknown] {
  if (object !== null) return [201, object];
  throw new ApiError({ code: 409, reason: "AlreadyExists", message: "already exists" });
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  if (error instanceof ApiError && error.code > 0) send(response, error.code, statusOf(error));
  else response.destroy();
}

const statusOf = ({ code, reason, message, retryAfter }: ApiError): object => ({
  kind: "Status",
  apiVersion: "v1",
  status: "Failure",
  code,
  reason,
  message,
  ...(retryAfter !== null && { details: { retryAfterSeconds: retryAfter / 1_000 } }),
});

function send(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
}
