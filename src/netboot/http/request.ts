import type { IncomingMessage } from "node:http";
import { HttpError, type HttpRequest } from "./message.ts";

/** Everything of a request but the route's part. @throws {@link HttpError} 400 */
export function readTarget(message: IncomingMessage): { path: string; query: URLSearchParams } {
  const target = message.url ?? "/";
  const mark = target.indexOf("?");
  const raw = mark < 0 ? target : target.slice(0, mark);
  if (!raw.startsWith("/")) throw new HttpError(400, "not a path");
  try {
    const path = decodeURIComponent(raw);
    if (path.includes("\0")) throw new HttpError(400, "not a path");
    return { path, query: new URLSearchParams(mark < 0 ? "" : target.slice(mark + 1)) };
  } catch (error) {
    throw error instanceof HttpError ? error : new HttpError(400, "not a path");
  }
}

export function requestOf(
  message: IncomingMessage,
  target: ReturnType<typeof readTarget>,
  params: Readonly<Record<string, string>>,
): HttpRequest {
  return {
    method: message.method ?? "GET",
    ...target,
    params,
    headers: message.headers,
    remote: (message.socket.remoteAddress ?? "").replace(/^::ffff:/, ""),
    body: (limit) => readBody(message, limit),
    json: async (limit) => parseJson(await readBody(message, limit)),
  };
}

async function readBody(message: IncomingMessage, limit: number): Promise<Uint8Array> {
  const tooLarge = new HttpError(413, `more than ${limit} bytes`);
  if (Number(message.headers["content-length"] ?? 0) > limit) throw tooLarge;
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of message as AsyncIterable<Uint8Array>) {
      length += chunk.length;
      if (length > limit) throw tooLarge;
      chunks.push(chunk);
    }
  } catch (error) {
    if (error === tooLarge) throw error;
    throw new HttpError(400, "the body did not arrive", { cause: error });
  }
  return Buffer.concat(chunks);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new HttpError(400, "not JSON", { cause: error });
  }
}
