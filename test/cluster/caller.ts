import type { ObjectRef, Resource } from "#base/object.ts";
import { type ApiAccess, type ApiAnswer, apiRequest } from "../../tools/cluster/request.ts";

/** The API as one account sees it; every HTTP status is an answer. */
export class Caller {
  readonly #access: ApiAccess;

  constructor(access: ApiAccess) {
    this.#access = access;
  }

  /** The same API server, as who holds the token. */
  as(token: string): Caller {
    return new Caller({ ...this.#access, adminToken: token });
  }

  get(resource: Resource, at: Partial<ObjectRef>): Promise<ApiAnswer> {
    return this.#call("GET", pathOf(resource, at));
  }

  create(
    resource: Resource,
    { namespace, ...metadata }: ObjectRef & { readonly labels?: object },
    rest: object,
  ): Promise<ApiAnswer> {
    const { group, version, kind } = resource;
    const apiVersion = group === "" ? version : `${group}/${version}`;
    const at = namespace === undefined ? {} : { namespace };
    return this.#call("POST", pathOf(resource, at), { apiVersion, kind, metadata, ...rest });
  }

  patch(resource: Resource, at: ObjectRef, patch: object): Promise<ApiAnswer> {
    return this.#call("PATCH", pathOf(resource, at), patch);
  }

  replace(resource: Resource, at: ObjectRef, object: object): Promise<ApiAnswer> {
    return this.#call("PUT", pathOf(resource, at), object);
  }

  patchStatus(resource: Resource, at: ObjectRef, status: object): Promise<ApiAnswer> {
    return this.#call("PATCH", `${pathOf(resource, at)}/status`, { status });
  }

  /** Without a name: of all that is there. */
  delete(resource: Resource, at: Partial<ObjectRef>, query = ""): Promise<ApiAnswer> {
    return this.#call("DELETE", `${pathOf(resource, at)}${query}`);
  }

  #call(method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: object) {
    return apiRequest(this.#access, method, path, body, AbortSignal.timeout(30_000));
  }
}

function pathOf(resource: Resource, { namespace, name }: Partial<ObjectRef>): string {
  const { group, version, plural } = resource;
  const base = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const scope = namespace === undefined ? "" : `/namespaces/${namespace}`;
  return `${base}${scope}/${plural}${name === undefined ? "" : `/${name}`}`;
}

/** What the API server says to people. */
export const messageOf = ({ body }: ApiAnswer): string =>
  (JSON.parse(body) as { readonly message?: string }).message ?? "";
