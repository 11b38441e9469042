/**
 * What the agent needs of the rack's HTTP API at run time, without zod: loading that costs a
 * booting machine a second. The types make sure that it says the same as `#api/agent.ts`.
 */
import type * as api from "#api/agent.ts";

export const KERNEL_ARGS = {
  rack: "steelyard.rack",
  api: "steelyard.api",
  ca: "steelyard.ca",
  token: "steelyard.token",
  stranger: "steelyard.stranger",
} as const satisfies typeof api.KERNEL_ARGS;

export const PATHS = {
  hello: "/agent/v1/hello",
  inventory: "/agent/v1/inventory",
  report: "/agent/v1/report",
  next: "/agent/v1/next",
  seed: "/agent/v1/seed",
} as const satisfies typeof api.PATHS;

export const PLAIN_PATHS = {
  ca: "/ca.pem",
  time: "/time",
} as const satisfies Pick<typeof api.PLAIN_PATHS, "ca" | "time">;

export const HEADERS = {
  session: "x-steelyard-session",
  time: "x-steelyard-time",
  signature: "x-steelyard-signature",
} as const satisfies typeof api.HEADERS;

/** What every name in a rack's certificate ends in. */
export const RACK_DOMAIN = ".steelyard.internal";

export const signedText: typeof api.signedText = (method, path, time, bodyHash) =>
  `${method}\n${path}\n${time}\n${bodyHash}`;
