import { z } from "zod";
import type { KubeObject } from "#base/object.ts";
import { ObservedGeneration } from "./condition.ts";
import { Digest, Ipv4Address, Label, MacAddress, Time } from "./reference.ts";

export const RackSpec = z.object({
  zone: Label.describe("The Zone that it serves.").meta({
    "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "a rack serves one zone" }],
  }),
});

/** Written by the rack itself. Its heartbeat is a Lease in the zone's namespace, not this. */
export const RackStatus = z
  .object({
    observedGeneration: ObservedGeneration,
    node: z.string().max(253).optional().describe("The node that it runs on."),
    version: z.string().max(63).optional().describe("The program's version."),
    addresses: z.array(Ipv4Address).max(16).optional().describe("Where machines reach it."),
    roles: z
      .array(z.enum(["DHCP", "ProxyDHCP", "TFTP", "HTTP", "Images", "Gateway"]))
      .max(8)
      .optional()
      .describe("What it serves."),
    images: z
      .array(
        z.object({
          digest: Digest.describe("Of the artifact."),
          state: z.enum(["Fetching", "Cached", "Failed"]).describe("Whether it can be had here."),
          progressPercent: z.int().min(0).max(100).optional().describe("How much of it is here."),
          message: z
            .string()
            .max(256)
            .optional()
            .describe("Why it failed, also while it is tried again."),
        }),
      )
      .max(256)
      .optional()
      .describe("Artifacts in its cache, or on their way."),
    discovered: z
      .array(
        z.object({
          mac: MacAddress.describe("The interface."),
          seenAt: Time.describe("When it last asked."),
          subnet: z.string().max(63).optional().describe("Where it was heard."),
        }),
      )
      .max(256)
      .optional()
      .describe("MACs on the wire that no Machine names."),
  })
  .default({ observedGeneration: -1 });

export type RackSpec = z.output<typeof RackSpec>;
export type RackStatus = z.output<typeof RackStatus>;
export type Rack = KubeObject<RackSpec, RackStatus>;
