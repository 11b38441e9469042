import type { ServerResponse } from "node:http";
import type { ByteSource, HttpReply, HttpRequest } from "./message.ts";
import { rangeOf, type Span } from "./range.ts";

/** Large enough to keep the disk and the wire busy, small enough for hundreds of clients. */
const CHUNK = 128 * 1024;

/** Sends a reply; rejects when the client goes or the source fails. Returns the status. */
export async function respond(
  response: ServerResponse,
  request: Pick<HttpRequest, "method" | "headers">,
  reply: HttpReply,
  signal: AbortSignal,
): Promise<number> {
  if ("source" in reply) return await respondFrom(response, request, reply, signal);
  const body = Buffer.from(reply.body ?? "");
  response.writeHead(reply.status, { ...reply.headers, "content-length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
  return reply.status;
}

async function respondFrom(
  response: ServerResponse,
  { method, headers }: Pick<HttpRequest, "method" | "headers">,
  reply: HttpReply & { readonly source: ByteSource },
  signal: AbortSignal,
): Promise<number> {
  await using source = reply.source;
  const { size } = source;
  const etag = reply.headers?.["etag"];
  const ifRange = headers["if-range"];
  const range = ifRange === undefined || ifRange === etag ? rangeOf(headers.range, size) : null;
  const common = {
    "content-type": "application/octet-stream",
    "accept-ranges": "bytes",
    ...reply.headers,
  };
  if (range === "Unsatisfiable") {
    response.writeHead(416, { "content-range": `bytes */${size}`, "content-length": 0 }).end();
    return 416;
  }
  const { first, last } = range ?? { first: 0, last: size - 1 };
  const status = range === null ? 200 : 206;
  response.writeHead(status, {
    ...common,
    "content-length": last - first + 1,
    ...(range === null ? {} : { "content-range": `bytes ${first}-${last}/${size}` }),
  });
  if (method !== "HEAD") await pour(source, { first, last }, response, signal);
  response.end();
  return status;
}

/** Reads into one buffer while the other is being sent. */
async function pour(
  source: ByteSource,
  { first, last }: Span,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const size = Math.min(CHUNK, last - first + 1);
  const buffers = [Buffer.allocUnsafeSlow(size), Buffer.allocUnsafeSlow(size)];
  const busy: Promise<void>[] = [];
  let at = first;
  for (let turn = 0; at <= last; turn = 1 - turn) {
    await busy[turn];
    signal.throwIfAborted();
    const buffer = buffers[turn]?.subarray(0, last - at + 1) ?? Buffer.alloc(0);
    const length = await source.read(buffer, at, signal);
    if (length === 0) throw new Error(`the source ended at ${at} of ${last + 1}`);
    const written = write(response, buffer.subarray(0, length));
    written.catch(() => {}); // it is awaited in two turns, or at the end
    busy[turn] = written;
    at += length;
  }
  await Promise.all(busy);
}

/** Resolves when the kernel has the bytes, so that the buffer may be used again. */
const write = (response: ServerResponse, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    response.write(bytes, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
