import { z } from "zod";
import type { KubeObject } from "#base/object.ts";
import { conditions, ObservedGeneration } from "./condition.ts";
import { zoneNamespace } from "./group.ts";
import { Labels } from "./placement.ts";
import { Ipv4Address, Label, Seconds } from "./reference.ts";

const CIDR = {
  rule: "isCIDR(self) && cidr(self).ip().family() == 4",
  message: "write an IPv4 network in CIDR notation, e.g. 10.20.0.0/16",
};

const octets = (field: string, n: number) => `int(self.${field}.split('.')[${n}])`;
/** An address as a number: CEL's addresses have no order. */
const number = (field: string) =>
  [0, 1, 2, 3].map((n) => `${octets(field, n)} * ${256 ** (3 - n)}`).join(" + ");
const ORDERED = {
  rule: `${number("from")} <= ${number("to")}`,
  message: "the range ends before it begins: write the lower address into from",
};

const Range = z
  .object({
    from: Ipv4Address.describe("The first address."),
    to: Ipv4Address.describe("The last address."),
  })
  .meta({ "x-kubernetes-validations": [ORDERED] });

const inside = (list: string) =>
  `(!has(self.ranges.${list}) || self.ranges.${list}.all(r, cidr(self.cidr).containsIP(r.from) && cidr(self.cidr).containsIP(r.to)))`;

export const Subnet = z
  .object({
    name: Label.describe("Its name; Machines' addresses tell it."),
    cidr: z
      .string()
      .max(18)
      .describe("The network, e.g. 10.20.0.0/16.")
      .meta({ "x-kubernetes-validations": [CIDR] }),
    gateway: Ipv4Address.optional().describe("The router that machines are told of."),
    vlan: z.int().min(1).max(4_094).optional().describe("The VLAN, for people."),
    mtu: z.int().min(576).max(9_216).optional().describe("The MTU that machines are told of."),
    dns: z.array(Ipv4Address).max(8).optional().describe("Name servers."),
    ntp: z.array(Ipv4Address).max(8).optional().describe("Time servers."),
    ranges: z
      .object({
        dynamic: z.array(Range).max(8).optional().describe("For machines that nobody knows yet."),
        reserved: z.array(Range).max(8).optional().describe("Given to nobody."),
      })
      .optional()
      .describe("Parts of the network that are not for known machines."),
    dhcp: z
      .enum(["Server", "Proxy", "Off"])
      .optional()
      .describe(
        "Server: we give addresses. Proxy: the site does, we only say what to boot. Not given: Off.",
      ),
    relayed: z
      .boolean()
      .optional()
      .describe("Requests come through relay agents (giaddr). Not given: they do not."),
    discovery: z
      .enum(["Off", "Manual", "Auto"])
      .optional()
      .describe(
        "Whether an unknown MAC gets the agent, to be looked at only: once, then it goes on to its own system. Not given: Off.",
      ),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "!isCIDR(self.cidr) || !has(self.gateway) || cidr(self.cidr).containsIP(self.gateway)",
        message: "gateway is outside of cidr: write an address of this network",
      },
      {
        rule: `!isCIDR(self.cidr) || !has(self.ranges) || (${inside("dynamic")} && ${inside("reserved")})`,
        message: "a range is outside of cidr: write addresses of this network",
      },
    ],
  });
export type Subnet = z.output<typeof Subnet>;

export const ZoneSpec = z.object({
  description: z.string().max(1_024).optional().describe("For people."),
  topology: z
    .object({
      region: Label.optional().describe("The region."),
      zone: Label.optional().describe("The zone."),
    })
    .optional()
    .describe("Become topology.kubernetes.io/region and /zone."),
  subnets: z
    .array(Subnet)
    .max(32)
    .optional()
    .describe("The networks that its racks serve.")
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] }),
  claimNamespaces: z
    .object({
      matchLabels: Labels.optional().describe(
        "Namespaces that have all these labels; {} is every namespace.",
      ),
      names: z.array(z.string().max(63)).max(64).optional().describe("Namespaces by name."),
    })
    .optional()
    .describe("Whose claims may take machines here: by name or by labels. Not given: nobody's.")
    .meta({
      "x-kubernetes-validations": [
        {
          // What was misspelt is gone when it comes here, and must not open the zone to all.
          rule: "has(self.names) || has(self.matchLabels)",
          message: "write names or matchLabels; matchLabels: {} admits every namespace",
        },
      ],
    }),
  limits: z
    .object({
      maxConcurrentDeploys: z
        .int()
        .min(1)
        .optional()
        .describe("Deploys that run at once. Not acted on yet."),
      maxConcurrentPowerOns: z
        .int()
        .min(1)
        .optional()
        .describe("Machines switched on at once. Not acted on yet."),
      maxReleasesPerHour: z.int().min(0).default(10).describe("A mistake must not erase a room."),
      bmcRequestsPerSecond: z
        .int()
        .min(1)
        .optional()
        .describe("Requests to one BMC. Not acted on yet."),
    })
    .optional()
    .describe("How much may happen at once."),
  circuitBreaker: z
    .object({
      maxFailures: z.int().min(1).default(5).describe("Failed tasks of different machines."),
      window: Seconds.default("600s").describe("Within this time."),
    })
    .optional()
    .describe(
      "When tasks fail on many machines at once, no new one begins in the zone until the failures are older than window. Not acted on yet.",
    ),
  bootTrust: z
    .enum(["Network", "TPM"])
    .default("Network")
    .describe(
      "Network: who is on the provisioning network can pose as a machine. TPM: not acted on yet.",
    ),
});

export const ZoneStatus = z
  .object({
    observedGeneration: ObservedGeneration,
    racks: z.int().min(0).optional().describe("Racks that are alive."),
    machines: z.int().min(0).optional().describe("All Machines of the zone."),
    free: z.int().min(0).optional().describe("Machines that are Ready and nobody's."),
    machinesByPhase: z
      .record(z.string().max(16), z.int().min(0))
      .optional()
      .describe("How many are in each phase."),
    conditions: conditions(),
  })
  .default({ observedGeneration: -1 });

/** Rules over the whole object. Its name becomes a part of a namespace's. */
export const ZONE_RULES = [
  {
    rule: `size(self.metadata.name) <= ${63 - zoneNamespace("").length} && !self.metadata.name.contains('.')`,
    message:
      "the name is a part of a namespace's (steelyard-zone-NAME): write at most 48 of a-z, 0-9 and -",
  },
];

export type ZoneSpec = z.output<typeof ZoneSpec>;
export type ZoneStatus = z.output<typeof ZoneStatus>;
export type Zone = KubeObject<ZoneSpec, ZoneStatus>;

/** `maxReleasesPerHour` where a zone does not say. */
export const DEFAULT_RELEASES_PER_HOUR = 10;
