import { type ApiAccess, apiRequest } from "./request.ts";

/**
 * A token of a ServiceAccount that exists, good for an hour, as a pod of it would get: what is tried
 * with it has exactly that account's permissions.
 */
export async function serviceAccountToken(
  access: ApiAccess,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const answer = await apiRequest(
    access,
    "POST",
    path,
    {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: 3600 },
    },
    signal,
  );
  if (answer.status !== 201) {
    throw new Error(`no token for ${namespace}/${name}: ${answer.status} ${answer.body}`);
  }
  const { status } = JSON.parse(answer.body) as { status: { token: string } };
  return status.token;
}
