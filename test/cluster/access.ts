import { type ApiAccess, apiRequest } from "../../tools/cluster/request.ts";

/** A request, as RBAC sees it. */
export interface Attempt {
  readonly verb: string;
  /** `machines`, `machines/status`; of our group unless `group` says another. */
  readonly resource: string;
  readonly group?: string;
  /** None: cluster-wide. */
  readonly namespace?: string;
  readonly name?: string;
}

/** `get secrets default/keys`: for a test's title. */
export const sayAttempt = ({ verb, resource, namespace, name }: Attempt): string =>
  `${verb} ${resource}${namespace === undefined ? "" : ` in ${namespace}`}${name === undefined ? "" : ` named ${name}`}`;

/** Whether who holds the token of `access` may do it, as the API server itself says. */
export async function may(
  access: ApiAccess,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<boolean> {
  const { verb, group = "steelyard.dev", namespace, name } = attempt;
  const [resource, subresource] = attempt.resource.split("/");
  const resourceAttributes = { verb, group, resource, subresource, namespace, name };
  const answer = await apiRequest(
    access,
    "POST",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    { spec: { resourceAttributes } },
    signal,
  );
  if (answer.status !== 201) throw new Error(`${answer.status} ${answer.body}`);
  const { status } = JSON.parse(answer.body) as { status: { allowed: boolean } };
  return status.allowed;
}
