/**
 * The HTTP API that a rack offers the agent (design section 4, "Trust").
 *
 * All of it is HTTPS below `/agent/v1`, certificate signed by the zone's CA. A boot token comes on
 * the kernel's command line and is exchanged once, at hello, for a session that is bound to the
 * agent's own Ed25519 key: every later request carries the session and a signature, so that any
 * rack of the zone can check both by itself.
 *
 * 403 to any of them means: you hold no grant (any more). The agent stops, touches nothing more
 * and powers off. 503: nothing can be decided now (the API server is away, the rack has just
 * started). The agent asks again.
 */
import { z } from "zod";
import { TASK_TYPES } from "#lifecycle/table.ts";
import { DeployPlan, ErasePlan, MachineTaskStatus } from "./machine-task.ts";

/** What the rack writes on the kernel's command line. */
export const KERNEL_ARGS = {
  /** Base URL of the rack over plain HTTP, for the CA, the time and images. */
  rack: "steelyard.rack",
  /** `host:port` of the agent API over TLS. */
  api: "steelyard.api",
  /** `sha256:<hex>` of the zone CA's DER: what the agent believes. */
  ca: "steelyard.ca",
  token: "steelyard.token",
  /** `yes`: no Machine names it, it is only looked at, and goes on to what is on its disks. */
  stranger: "steelyard.stranger",
} as const;

/** The DNS name in the racks' certificate: racks of a zone share it, whatever their addresses. */
export const rackName = (zone: string): string => `rack.${zone}.steelyard.internal`;

export const PATHS = {
  hello: "/agent/v1/hello",
  inventory: "/agent/v1/inventory",
  report: "/agent/v1/report",
  /** Long poll: answers within `?wait=` seconds (at most 30) with an {@link Order} or 204. */
  next: "/agent/v1/next",
  seed: "/agent/v1/seed",
} as const;

/** Plain HTTP paths of a rack. */
export const PLAIN_PATHS = {
  ca: "/ca.pem",
  /** The rack's clock: milliseconds since the epoch, as text. */
  time: "/time",
  /** `/images/sha256:…`: the artifact's bytes, as they are. */
  images: "/images/",
  /** `/phone-home/<token>`: cloud-init's POST once the system is up. */
  phoneHome: "/phone-home/",
} as const;

/** Headers of every request but hello. */
export const HEADERS = {
  /** In an answer: the same session anew, to be shown from now on. It is used before it runs out. */
  session: "x-steelyard-session",
  /** Milliseconds since the epoch; refused when more than 60 s off, or not after the last one. */
  time: "x-steelyard-time",
  /** Base64 Ed25519 signature over {@link signedText}. */
  signature: "x-steelyard-signature",
} as const;

/** What the agent signs: method, path with query, time, and the SHA-256 of the body in hex. */
export const signedText = (method: string, path: string, time: string, bodyHash: string): string =>
  `${method}\n${path}\n${time}\n${bodyHash}`;

export const Hello = z.object({
  token: z.string().max(1_024),
  /** Raw Ed25519 public key, base64. */
  agentKey: z.string().max(64),
  macAddresses: z.array(z.string().max(17)).min(1).max(64),
  systemUUID: z.string().max(36).optional(),
  serial: z.string().max(128).optional(),
});
export type Hello = z.output<typeof Hello>;

/** What the agent is to do. It ends with a report whose state is Succeeded, Written or Failed. */
export const Order = z.object({
  task: z.string().max(253),
  type: z.enum(TASK_TYPES),
  machine: z.string().max(253),
  /** A new session where the order came from a long poll: the old one ends with its task. */
  session: z.string().max(2_048),
  deploy: DeployPlan.optional(),
  erase: ErasePlan.optional(),
  /** Where the artifact is to be had: a URL of the rack's own cache. */
  imageUrl: z.string().max(2_048).optional(),
});
export type Order = z.output<typeof Order>;

/** Answer to hello. Without an order (discovery, Warm): inventory, then wait for one. */
export const Welcome = z.object({
  session: z.string().max(2_048),
  order: Order.optional(),
  /** After a task that ended well, how long to wait for the next before powering off. */
  lingerSeconds: z.int().min(0),
});
export type Welcome = z.output<typeof Welcome>;

/**
 * Progress, or the end of a task. The rack writes it to the task's status: at most every 10 s,
 * and at once for a change of `state`; 2xx to a change of state means that it is persisted.
 */
export const Report = z.object({
  task: z.string().max(253),
  state: z.enum(["Running", "Written", "Succeeded", "Failed"]),
  reason: z.string().max(64).optional(),
  message: z.string().max(512).optional(),
  steps: MachineTaskStatus.shape.steps,
  results: MachineTaskStatus.shape.results,
  logTail: z.string().max(512).optional(),
});
export type Report = z.output<typeof Report>;

/** The seed of cloud-init's NoCloud: the files' contents by name. */
export const Seed = z.object({
  "meta-data": z.string().max(65_536),
  "user-data": z.string().max(1_048_576),
  "vendor-data": z.string().max(65_536),
  "network-config": z.string().max(65_536).optional(),
});
export type Seed = z.output<typeof Seed>;
