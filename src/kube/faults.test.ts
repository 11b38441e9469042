import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { type Clock, systemClock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";
import { type KubeObject, keyOf, type Resource } from "#base/object.ts";
import { FakeLog } from "#test/fakes/log.ts";
import { ObjectCache } from "./cache.ts";
import { KubeConfigConnection } from "./connection.ts";
import { Controller, watching } from "./controller.ts";
import { HttpKubeClient } from "./http-client.ts";
import { noMetrics } from "./metrics.ts";
import { Reflector } from "./reflector.ts";

const widgets: Resource = {
  ...{ group: "test.steelyard.dev", version: "v1", kind: "Widget", plural: "widgets" },
  namespaced: true,
};

/** Time passes a hundred times as fast. */
const clock: Clock = {
  now: () => Date.now() * 100,
  sleep: (time, signal) => systemClock.sleep((time / 100) as Duration, signal),
};

const widget = (name: string, version: number): KubeObject => ({
  metadata: { name, namespace: "n", uid: name, resourceVersion: String(version) },
  spec: {},
});
const event = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;
const NEWS = [
  [19, event("DELETED", widget("a", 19))],
  [20, event("ADDED", widget("c", 20))],
] as const;
const last = ([, text]: (typeof NEWS)[number]): string => text;

type Asked = "list" | "watch";
/** Spoils one answer. The world changes with it: a goes, c comes. */
type Fault = (response: ServerResponse) => void;

/** A server with a and b at version 10, until the fault; then with b and c at version 20. */
async function scripted(faults: readonly { readonly on: Asked; readonly fault: Fault }[]) {
  const left = [...faults];
  const asked: Asked[] = [];
  const hasChanged = (): boolean => left.length === 0;
  const server = createServer((request, response) => {
    const query = new URL(request.url ?? "", "http://x").searchParams;
    const what = query.has("watch") ? "watch" : "list";
    asked.push(what);
    const [next] = left;
    if (next?.on === what) {
      left.shift();
      return next.fault(response);
    }
    response.writeHead(200, { "content-type": "application/json" });
    if (what === "list") return response.end(listed(hasChanged(), query.has("continue")));
    const since = Number(query.get("resourceVersion"));
    response.write(
      hasChanged()
        ? NEWS.filter(([version]) => version > since)
            .map(last)
            .join("")
        : "",
    );
    return response.flushHeaders(); // and is held open
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, asked, port: (server.address() as AddressInfo).port };
}

/** In two pages before the change, and in one after it. */
function listed(hasChanged: boolean, isSecond: boolean): string {
  if (hasChanged) {
    const items = [widget("b", 9), widget("c", 20)];
    return JSON.stringify({ metadata: { resourceVersion: "20" }, items });
  }
  const more = isSecond ? {} : { continue: "more" };
  const items = [isSecond ? widget("b", 9) : widget("a", 8)];
  return JSON.stringify({ metadata: { resourceVersion: "10", ...more }, items });
}

const refuse =
  (code: number, reason: string, headers: Record<string, string> = {}): Fault =>
  (response) => {
    response.writeHead(code, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify({ code, reason, message: reason }));
  };

/** Begins an answer and breaks off. */
const cut =
  (text: string): Fault =>
  (response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.write(text, () => response.destroy());
  };

const silence: Fault = (response) => response.writeHead(200).flushHeaders();
const ended: Fault = (response) => response.writeHead(200).end();
const gone: Fault = (response) =>
  response.writeHead(200).end(event("ERROR", { code: 410, reason: "Expired", message: "old" }));

const on = (what: Asked, fault: Fault) => ({ on: what, fault });
const once10 = { "retry-after": "10" }; // longer than the client waits by itself

describe.concurrent("a reflector and its controller, before a server that", () => {
  it.each([
    [
      "drops a watch in the middle of an event",
      [on("watch", cut(NEWS.map(last).join("").slice(0, -20)))],
      1,
    ],
    ["ends a watch in peace", [on("watch", ended)], 1],
    ["says 410 to a watch", [on("watch", refuse(410, "Expired"))], 2],
    ["says 410 within a watch", [on("watch", gone)], 2],
    ["says 429 with Retry-After to a watch", [on("watch", refuse(429, "Busy", once10))], 1],
    ["says 500 to a watch", [on("watch", refuse(500, "InternalError"))], 1],
    ["leaves a watch half open", [on("watch", silence)], 1],
    ["says 500 to a list", [on("watch", gone), on("list", refuse(500, "InternalError"))], 2],
    ["says 429 to a list", [on("watch", gone), on("list", refuse(429, "Busy", once10))], 2],
    ["drops a list half way", [on("watch", gone), on("list", cut('{"items":['))], 2],
    ["is busy for a moment", [on("watch", gone), on("list", refuse(503, "Busy", once10))], 2],
  ] as const)("%s, come to see what is there", async (_, faults, lists) => {
    const { server, asked, port } = await scripted(faults);
    const config = new KubeConfig();
    config.loadFromClusterAndUser(
      { name: "scripted", server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
      { name: "test" },
    );
    const connection = new KubeConfigConnection(config, systemClock);
    const options = { clock, metrics: noMetrics, random: () => 0.5, log: new FakeLog().log };
    const client = new HttpKubeClient({ ...options, connection, userAgent: "test" });
    const cache = new ObjectCache<KubeObject>();
    const seen = new Map<string, boolean>();
    const controller = new Controller({
      ...{ ...options, name: "widget", workers: 1, sources: [watching(cache)] },
      reconcile: async (key) => {
        seen.set(key, cache.get(key) !== undefined);
        return { after: null };
      },
    });
    const stop = new AbortController();
    const runs = [
      new Reflector({ ...options, client, resource: widgets, cache, pageSize: 1 }).run(stop.signal),
      controller.run(stop.signal),
    ];
    try {
      // What was deleted while nobody saw wakes its reconciler, as what came does.
      await expect
        .poll(() => Object.fromEntries(seen), { timeout: 10_000, interval: 10 })
        .toEqual({ "n/a": false, "n/b": true, "n/c": true });
      expect(Array.from(cache.list(), ({ metadata }) => keyOf(metadata)).sort()).toEqual([
        "n/b",
        "n/c",
      ]);
      const beginnings = asked.filter((what, at) => what === "list" && asked[at - 1] !== "list");
      expect([asked[0], beginnings.length]).toEqual(["list", lists]);
    } finally {
      stop.abort();
      await Promise.all(runs);
      await connection.close();
      server.closeAllConnections();
      server.close();
    }
  });
});
