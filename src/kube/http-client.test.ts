import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { systemClock } from "#base/clock.ts";
import { type Duration, seconds } from "#base/duration.ts";
import type { Resource } from "#base/object.ts";
import { FakeClock, settle } from "#test/fakes/clock.ts";
import { ApiError, isUnreachable } from "./client.ts";
import { KubeConfigConnection } from "./connection.ts";
import { HttpKubeClient } from "./http-client.ts";
import { noMetrics } from "./metrics.ts";

const machines: Resource = {
  group: "steelyard.dev",
  version: "v1alpha1",
  kind: "Machine",
  plural: "machines",
  namespaced: true,
};
const secrets: Resource = {
  group: "",
  version: "v1",
  kind: "Secret",
  plural: "secrets",
  namespaced: true,
};
const ref = { namespace: "n", name: "m1" };
const soon = (): AbortSignal => AbortSignal.timeout(5_000);

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

interface Setup {
  readonly deadline?: Duration;
  readonly clock?: FakeClock;
  readonly user?: object;
}

/** A server that answers by a script, and a client to it. */
async function scripted(answer: Answer, { deadline, clock, user = {} }: Setup = {}) {
  const requests: { line: string; body: string; headers: IncomingMessage["headers"] }[] = [];
  let connections = 0;
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    requests.push({ line: `${request.method} ${request.url}`, body, headers: request.headers });
    answer(request, response, requests.length);
  });
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: "scripted", server: `http://127.0.0.1:${port}/prefix/`, skipTLSVerify: true },
    { name: "test", ...user },
  );
  const connection = new KubeConfigConnection(config, clock ?? systemClock);
  const counted: string[] = [];
  const client = new HttpKubeClient({
    connection,
    clock: clock ?? systemClock,
    userAgent: "steelyard-test",
    metrics: { ...noMetrics, requested: (method, code) => counted.push(`${method} ${code}`) },
    ...(deadline !== undefined && { deadline }),
  });
  const get = () => client.get(machines, ref, soon());
  const watch = async (): Promise<unknown[]> => {
    const seen: unknown[] = [];
    const options = { resourceVersion: "5", timeoutSeconds: 300, allowWatchBookmarks: true };
    for await (const event of client.watch(machines, options, soon())) seen.push(event);
    return seen;
  };
  return {
    client,
    requests,
    counted,
    get,
    watch,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      await connection.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const json =
  (code: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (_, response) => {
    response.writeHead(code, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  };

const machine = { metadata: { ...ref, uid: "u", resourceVersion: "7" }, spec: {} };
const slowDown = json(429, { reason: "TooManyRequests" }, { "retry-after": "1" });

describe("HttpKubeClient", () => {
  it("asks for the paths of groups and of core/v1, under the server's own prefix", async () => {
    await using api = await scripted(json(200, machine));
    await api.get();
    await api.client.get(secrets, { namespace: "n", name: "a/b" }, soon());
    const patch = { spec: { a: null } };
    const options = { resourceVersion: "7", uid: "u", subresource: "status" } as const;
    await api.client.mergePatch(machines, ref, patch, options, soon());
    expect(api.requests.map(({ line }) => line)).toEqual([
      "GET /prefix/apis/steelyard.dev/v1alpha1/namespaces/n/machines/m1",
      "GET /prefix/api/v1/namespaces/n/secrets/a%2Fb",
      "PATCH /prefix/apis/steelyard.dev/v1alpha1/namespaces/n/machines/m1/status",
    ]);
    expect(api.requests[2]).toMatchObject({
      body: '{"spec":{"a":null},"metadata":{"resourceVersion":"7","uid":"u"}}',
      headers: { "content-type": "application/merge-patch+json", "user-agent": "steelyard-test" },
    });
  });

  it("keeps its connection from request to request", async () => {
    await using api = await scripted(json(200, machine));
    for (let i = 0; i < 20; i++) await api.get();
    expect(api.connections()).toBeLessThanOrEqual(2); // the pool may overlap by one
  });

  it("says who it is, and asks for the credentials anew when it is not known", async () => {
    const answer: Answer = (request, response, count) =>
      json(count === 1 ? 401 : 200, machine)(request, response, count);
    await using api = await scripted(answer, { user: { token: "t0ken" } });
    await api.get();
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer t0ken",
      "Bearer t0ken",
    ]);
  });

  it("waits as long as a server that is busy asks, and then asks again", async () => {
    const clock = new FakeClock();
    const answer: Answer = (request, response, count) =>
      (count === 1 ? slowDown : json(200, machine))(request, response, count);
    await using api = await scripted(answer, { clock });
    const write = api.client.mergePatch(machines, ref, {}, {}, soon());
    while (clock.sleeping === 0) await settle();
    expect(api.requests).toHaveLength(1);
    await clock.advance(seconds(1));
    await write;
    expect(api.counted).toEqual(["PATCH 429", "PATCH 200"]);
  });

  it("gives up on a server that stays busy, and says for how long to stay away", async () => {
    const clock = new FakeClock();
    await using api = await scripted(slowDown, { clock });
    const got = api.get().catch((error: unknown) => error);
    for (let tries = 1; tries < 3; tries++) {
      while (clock.sleeping === 0) await settle();
      await clock.advance(seconds(1));
    }
    expect(await got).toMatchObject({ code: 429, retryAfter: 1_000 });
    expect(api.requests).toHaveLength(3);
  });

  it("does not wait where the server wants a long pause: that is for the queue", async () => {
    await using api = await scripted(json(429, {}, { "retry-after": "60" }));
    await expect(api.get()).rejects.toMatchObject({ code: 429, retryAfter: 60_000 });
    expect(api.requests).toHaveLength(1);
  });

  it.each([500, 503, 504])("never sends a write again after %i", async (code) => {
    await using api = await scripted(json(code, { reason: "Sick" }, { "retry-after": "1" }));
    const write = api.client.create(machines, { metadata: ref }, soon());
    await expect(write).rejects.toMatchObject({ code, reason: "Sick" });
    expect(api.requests).toHaveLength(1);
  });

  it("never sends a write again whose answer was lost", async () => {
    await using api = await scripted((request) => request.socket.destroy());
    const write = api.client.create(machines, { metadata: ref }, soon());
    const error = await write.catch((caught: unknown) => caught);
    expect(isUnreachable(error)).toBe(true);
    expect(api.requests).toHaveLength(1);
    expect(api.counted).toEqual(["POST 0"]);
  });

  it("gives up on an answer that does not come", async () => {
    await using api = await scripted(() => undefined, { deadline: seconds(0.5) });
    expect(isUnreachable(await api.get().catch((error: unknown) => error))).toBe(true);
  });

  it("gives up on an answer that stands still half way", async () => {
    const half: Answer = (_, response) => {
      response.writeHead(200, { "content-length": "100" }).write("{");
    };
    await using api = await scripted(half, { deadline: seconds(0.5) });
    expect(isUnreachable(await api.get().catch((error: unknown) => error))).toBe(true);
  });

  it("understands an answer that is not the API server's", async () => {
    const proxy: Answer = (_, response) => response.writeHead(502).end("<html>Bad Gateway</html>");
    await using api = await scripted(proxy);
    await expect(api.get()).rejects.toMatchObject({ code: 502, reason: "HTTP 502" });
  });

  describe("watch", () => {
    const lines =
      (...chunks: (string | Buffer)[]): Answer =>
      async (_, response) => {
        response.writeHead(200).flushHeaders();
        for (const chunk of chunks) {
          response.write(chunk);
          await settle();
        }
        response.end();
      };
    const added = (name: string) => `{"type":"ADDED","object":{"metadata":{"name":"${name}"}}}\n`;
    const object = (name: string) => ({ type: "ADDED", object: { metadata: { name } } });

    it("puts events together that come in pieces, also within a letter", async () => {
      const bytes = Buffer.from(added("mühle"));
      const cut = bytes.indexOf(0xc3) + 1;
      const pieces = [added("a") + added("b"), bytes.subarray(0, cut), bytes.subarray(cut)];
      await using api = await scripted(lines(...pieces));
      expect(await api.watch()).toEqual([object("a"), object("b"), object("mühle")]);
      expect(api.requests[0]?.line).toBe(
        "GET /prefix/apis/steelyard.dev/v1alpha1/machines?watch=true&resourceVersion=5" +
          "&timeoutSeconds=300&allowWatchBookmarks=true",
      );
    });

    it("gives a bookmark's version and no object", async () => {
      const bookmark = '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}\n';
      await using api = await scripted(lines(bookmark));
      expect(await api.watch()).toEqual([{ type: "BOOKMARK", resourceVersion: "9" }]);
    });

    it("throws the error that the server sends as an event", async () => {
      const gone = '{"type":"ERROR","object":{"code":410,"reason":"Expired","message":"old"}}\n';
      await using api = await scripted(lines(added("a"), gone));
      await expect(api.watch()).rejects.toMatchObject({ code: 410, reason: "Expired" });
    });

    it.each([
      { what: "a connection that breaks in the middle of an event", end: "" },
      { what: "an answer that ends in the middle of an event", end: "0\r\n\r\n" },
    ])("is not taken in by $what", async ({ end }) => {
      const half = added("b").slice(0, 20);
      await using api = await scripted((request) => {
        const { socket } = request;
        const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        socket.end(chunk(added("a")) + chunk(half) + end);
      });
      const error = await api.watch().catch((caught: unknown) => caught);
      expect(isUnreachable(error)).toBe(true);
    });

    it("stops at its signal", async () => {
      await using api = await scripted((_, response) => response.writeHead(200).flushHeaders());
      const stop = new AbortController();
      const options = { resourceVersion: "5", timeoutSeconds: 300, allowWatchBookmarks: true };
      const events = api.client.watch(machines, options, stop.signal)[Symbol.asyncIterator]();
      const next = events.next();
      while (api.counted.length === 0) await settle();
      stop.abort(new Error("enough"));
      await expect(next).rejects.toThrow("enough");
    });
  });

  it("reports a refusal in the server's own words", async () => {
    const message = 'machines.steelyard.dev "m1" is invalid: spec.bmc: set an address';
    await using api = await scripted(json(422, { reason: "Invalid", message, code: 422 }));
    const error = await api.get().catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(ApiError);
    expect(String(error)).toContain(message);
  });
});
