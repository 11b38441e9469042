import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Where OS images come from, with its bad days. */
export interface Upstream extends AsyncDisposable {
  readonly url: string;
  readonly content: Buffer;
  readonly digest: string;
  /** Range headers of the requests so far, "" without one. */
  readonly requests: string[];
  /** What the next requests meet; afterwards all is well. */
  readonly moods: Mood[];
}

export type Mood =
  | "fine"
  /** Status 0: does not even answer. */
  | { readonly status: number; readonly location?: string }
  /** Closes the connection, or sends nothing more, after so many bytes. */
  | { readonly breaksAfter: number }
  | { readonly stallsAfter: number };

interface UpstreamOptions {
  readonly size?: number;
  /** Answers Range requests. Default true. */
  readonly ranges?: boolean;
  /** Sends a Content-Length. Default true. */
  readonly length?: boolean;
  readonly moods?: readonly Mood[];
}

const firstByte = ({ headers }: IncomingMessage): number =>
  Number(/bytes=(\d+)-/.exec(headers.range ?? "")?.[1] ?? 0);

function refuse(
  response: ServerResponse,
  { status, location }: { status: number; location?: string },
) {
  if (status === 0) return;
  response.writeHead(status, location === undefined ? {} : { location }).end("no");
}

function send(response: ServerResponse, part: Buffer, mood: Exclude<Mood, { status: number }>) {
  if (mood === "fine") response.end(part);
  else if ("stallsAfter" in mood) response.write(part.subarray(0, mood.stallsAfter));
  else response.write(part.subarray(0, mood.breaksAfter), () => response.socket?.end());
}

export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const { size = 300_000, ranges = true, length = true } = options;
  const content = randomBytes(size);
  const requests: string[] = [];
  const moods = [...(options.moods ?? [])];
  const server = createServer((request, response) => {
    requests.push(request.headers.range ?? "");
    const mood = moods.shift() ?? "fine";
    if (typeof mood === "object" && "status" in mood) return refuse(response, mood);
    const from = ranges ? firstByte(request) : 0;
    const part = content.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      ...(length && { "content-length": String(part.length) }),
      ...(from > 0 && { "content-range": `bytes ${from}-${size - 1}/${size}` }),
    });
    send(response, part, mood);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/os.raw.zst`,
    content,
    digest: `sha256:${createHash("sha256").update(content).digest("hex")}`,
    requests,
    moods,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
