import { readFile } from "node:fs/promises";
import { request } from "node:https";

/** What one needs to talk to an API server. */
export interface ApiAccess {
  readonly url: string;
  /** A file of the certificates that its own is signed by. */
  readonly caFile: string;
  /** A bearer token of the group system:masters. */
  readonly adminToken: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
}

/**
 * One request on a connection of its own, for set-up and tests; the product has its own client.
 * Any HTTP status is an answer; rejects only where there is none.
 */
export async function apiRequest(
  access: ApiAccess,
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<ApiAnswer> {
  const ca = await readFile(access.caFile);
  const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  return await new Promise((resolve, reject) => {
    const call = request(new URL(path, access.url), {
      method,
      ca,
      agent: false,
      signal,
      headers: { authorization: `Bearer ${access.adminToken}`, "content-type": contentType },
    });
    call.once("error", reject);
    call.once("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.once("error", reject);
      response.once("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
