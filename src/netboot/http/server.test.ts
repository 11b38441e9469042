import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Duration } from "#base/duration.ts";
import { FakeLog } from "#test/fakes/log.ts";
import { type ByteSource, type Handler, HttpError, json, type Route, text } from "./message.ts";
import { serveHttp } from "./server.ts";
import { fileSource } from "./source.ts";

const content = Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 31) % 251);

describe("serveHttp", () => {
  let stop: AbortController;
  let folder: string;
  let counted: string[];
  let logged: FakeLog;
  let closed: PromiseWithResolvers<void>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "http-"));
    await writeFile(join(folder, "file"), content);
    stop = new AbortController();
    counted = [];
    logged = new FakeLog();
    closed = Promise.withResolvers();
  });
  afterEach(async () => {
    stop.abort();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  async function serve(
    handle: Handler,
    more: { fallback?: Handler; patience?: Duration } = {},
  ): Promise<string> {
    const methods: Route["method"][] = ["GET", "POST"];
    const { port } = await serveHttp(
      { address: "127.0.0.1", port: 0 },
      {
        routes: methods.map((method) => ({ method, path: "/x/:name", handle })),
        count: (event) => counted.push(event),
        log: logged.log,
        ...more,
      },
      stop.signal,
    );
    return `http://127.0.0.1:${port}`;
  }
  const file: Handler = async () => {
    const source = await fileSource(join(folder, "file"));
    const watched: ByteSource = {
      ...source,
      [Symbol.asyncDispose]: async () => {
        await source[Symbol.asyncDispose]();
        closed.resolve();
      },
    };
    return { source: watched, headers: { etag: '"1"' } };
  };

  it("hands over the parts of a request", async () => {
    const at = await serve(async (request) =>
      json({
        name: request.params["name"],
        query: request.query.get("q"),
        body: await request.json(100),
        remote: request.remote,
      }),
    );
    const answer = await fetch(`${at}/x/a%20b?q=1`, { method: "POST", body: '{"n":1}' });
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(await answer.json()).toEqual({
      name: "a b",
      query: "1",
      body: { n: 1 },
      remote: "127.0.0.1",
    });
    expect(counted).toEqual(["200"]);
  });

  it("sends a file, closes it, and says so", async () => {
    const at = await serve(file);
    const answer = await fetch(`${at}/x/f`);
    expect(answer.headers.get("content-length")).toBe("1000000");
    expect(Buffer.compare(new Uint8Array(await answer.arrayBuffer()), content)).toBe(0);
    await closed.promise;
  });

  it.each([
    { range: "bytes=10-19", status: 206, body: content.slice(10, 20), says: "bytes 10-19/1000000" },
    {
      range: "bytes=-5",
      status: 206,
      body: content.slice(-5),
      says: "bytes 999995-999999/1000000",
    },
    { range: "bytes=1000000-", status: 416, body: new Uint8Array(0), says: "bytes */1000000" },
  ])("sends $range of a file", async ({ range, status, body, says }) => {
    const at = await serve(file);
    const answer = await fetch(`${at}/x/f`, { headers: { range } });
    expect([answer.status, answer.headers.get("content-range")]).toEqual([status, says]);
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(body);
    await closed.promise;
  });

  it("sends all of a file that is another one by now (If-Range)", async () => {
    const at = await serve(file);
    const headers = { range: "bytes=0-1", "if-range": '"0"' };
    const answer = await fetch(`${at}/x/f`, { headers });
    expect(answer.status).toBe(200);
    await answer.arrayBuffer();
  });

  it("answers HEAD without the body, as UEFI firmware asks first", async () => {
    const at = await serve(file);
    const answer = await fetch(`${at}/x/f`, { method: "HEAD" });
    expect(answer.headers.get("content-length")).toBe("1000000");
    await closed.promise;
  });

  it("sends a file that grows while it is sent", async () => {
    const size = 300_000;
    let there = 0;
    const growing: ByteSource = {
      size,
      read: async (into, offset) => {
        if (offset === there) there = Math.min(size, there + 70_000);
        const part = content.subarray(offset, Math.min(there, offset + into.length));
        into.set(part);
        return part.length;
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const at = await serve(() => ({ source: growing }));
    const body = new Uint8Array(await (await fetch(`${at}/x/f`)).arrayBuffer());
    expect(Buffer.compare(body, content.subarray(0, size))).toBe(0);
  });

  it("cuts the answer short when the source fails, so that the client does not take it for whole", async () => {
    const failing: ByteSource = {
      size: 1_000,
      read: (_into, offset) =>
        offset === 0 ? Promise.resolve(10) : Promise.reject(new Error("digest")),
      [Symbol.asyncDispose]: () => Promise.resolve(closed.resolve()),
    };
    const at = await serve(() => ({ source: failing }));
    await expect(fetch(`${at}/x/f`).then((answer) => answer.arrayBuffer())).rejects.toThrow();
    await closed.promise;
  });

  it.each([
    {
      what: "a status that the handler throws",
      fail: new HttpError(409, "taken"),
      status: 409,
      body: "taken\n",
    },
    {
      what: "500 for a bug, without telling of it",
      fail: new Error("secret"),
      status: 500,
      body: "internal error\n",
    },
  ])("answers $what", async ({ fail, status, body }) => {
    const at = await serve(() => Promise.reject(fail));
    const answer = await fetch(`${at}/x/f?token=secret`);
    expect([answer.status, await answer.text()]).toEqual([status, body]);
    expect(logged.lines).toHaveLength(status === 500 ? 1 : 0);
  });

  it.each([
    { what: "a body that is too long", body: "x".repeat(101), status: 413 },
    { what: "what is not JSON", body: "{", status: 400 },
    { what: "what is not UTF-8", body: Uint8Array.of(0x22, 0xff, 0x22), status: 400 },
  ])("refuses $what", async ({ body, status }) => {
    const at = await serve(async (request) => json(await request.json(100)));
    const answer = await fetch(`${at}/x/f`, { method: "POST", body });
    expect(answer.status).toBe(status);
  });

  it("answers 405 for another method, 404 for another path", async () => {
    const at = await serve(() => text("fine"));
    const wrong = await fetch(`${at}/x/f`, { method: "DELETE" });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, POST"]);
    expect((await fetch(`${at}/y`)).status).toBe(404);
    expect((await fetch(`${at}/%`)).status).toBe(400);
  });

  it("gives what no route matches to the fallback", async () => {
    const at = await serve(() => text(""), { fallback: ({ path }) => text(path) });
    expect(await (await fetch(`${at}/any/where`)).text()).toBe("/any/where");
  });

  it("ends a handler that takes too long", async () => {
    const handler: Handler = (_request, signal) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const at = await serve(handler, { patience: 10 as Duration });
    expect((await fetch(`${at}/x/f`)).status).toBe(503);
    expect(counted).toEqual(["TimedOut", "503"]);
  });

  it("tells the handler when its client goes", async () => {
    const begun = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    const at = await serve(async (_request, signal) => {
      signal.addEventListener("abort", () => gone.resolve());
      begun.resolve();
      await gone.promise;
      throw signal.reason;
    });
    const client = new AbortController();
    const asked = fetch(`${at}/x/f`, { signal: client.signal });
    await begun.promise;
    client.abort();
    await expect(asked).rejects.toThrow();
    await gone.promise;
  });

  it("counts what is no HTTP, and serves the next one", async () => {
    const at = await serve(() => text("fine"));
    const socket = connect(Number(new URL(at).port), "127.0.0.1");
    socket.resume().end("hello\r\n\r\n");
    await once(socket, "close");
    expect(counted).toEqual(["Malformed"]);
    expect((await fetch(`${at}/x/f`)).status).toBe(200);
  });

  it("keeps a connection for the next request", async () => {
    const at = await serve(() => text("fine"));
    const socket = connect(Number(new URL(at).port), "127.0.0.1");
    for (const _ of [1, 2]) {
      socket.write("GET /x/f HTTP/1.1\r\nHost: rack\r\n\r\n");
      const [bytes] = await once(socket, "data");
      expect(String(bytes)).toContain("200 OK");
    }
    socket.destroy();
  });
});
