import { describe, expect, it } from "vitest";
import type { HttpReply, Route } from "./message.ts";
import { createRouter } from "./router.ts";

const route = (method: Route["method"], path: string): Route => ({
  method,
  path,
  handle: (): HttpReply => ({ status: 200, body: `${method} ${path}` }),
});
const find = createRouter([
  route("GET", "/boot/:name*"),
  route("POST", "/agent/:uuid/hello"),
  route("GET", "/agent/:uuid/hello"),
  route("GET", "/a.b"),
]);

describe("the router", () => {
  it.each([
    { method: "GET", path: "/boot/agent/vmlinuz", params: { name: "agent/vmlinuz" } },
    { method: "HEAD", path: "/boot/x", params: { name: "x" } },
    { method: "POST", path: "/agent/u-1/hello", params: { uuid: "u-1" } },
    { method: "GET", path: "/a.b", params: {} },
  ])("finds $method $path", ({ method, path, params }) => {
    expect(find(method, path)).toMatchObject({ params });
  });

  it.each([
    { method: "DELETE", path: "/agent/u-1/hello", allow: ["POST", "GET"] },
    { method: "POST", path: "/boot/x", allow: ["GET"] },
    { method: "GET", path: "/boot/", allow: [] },
    { method: "GET", path: "/agent//hello", allow: [] },
    { method: "GET", path: "/agent/u/hello/more", allow: [] },
    { method: "GET", path: "/aXb", allow: [] },
    { method: "GET", path: "", allow: [] },
  ])("does not find $method $path", ({ method, path, allow }) => {
    expect(find(method, path)).toEqual({ allow });
  });
});
