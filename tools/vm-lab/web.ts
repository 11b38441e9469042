/**
 * The web server of a test, run inside the lab: `node web.ts ADDRESS NAME=FILE…`. It serves files,
 * takes what machines post, and prints a line of JSON for each.
 */
import { createReadStream, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";

const [address, ...given] = process.argv.slice(2);
const files = new Map(
  given.map((pair) => {
    const at = pair.indexOf("=");
    return [`/${pair.slice(0, at)}`, pair.slice(at + 1)];
  }),
);
const say = (line: object): void => console.log(JSON.stringify(line));

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  say({ posted: request.url, body, from: request.socket.remoteAddress });
  response.end("thanks\n");
}

async function give(url: string, response: ServerResponse): Promise<void> {
  const file = files.get(url);
  say({ fetched: url, found: file !== undefined });
  if (file === undefined) return void response.writeHead(404).end();
  response.setHeader("content-length", statSync(file).size);
  await pipeline(createReadStream(file), response);
}

const server = createServer((request, response) => {
  const work =
    request.method === "POST" ? take(request, response) : give(request.url ?? "/", response);
  work.catch((error: unknown) => say({ failed: request.url, error: String(error) }));
});
server.listen(0, address, () => {
  const at = server.address();
  say({ port: typeof at === "object" && at !== null ? at.port : 0 });
});
