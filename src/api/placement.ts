import { z } from "zod";
import { Label } from "./reference.ts";

/** What a claim may ask of hardware, and how claims and machines keep away from each other. */

export const DISK_TYPES = ["SSD", "HDD", "NVMe"] as const;
export type DiskType = (typeof DISK_TYPES)[number];

export const TAINT_EFFECTS = ["NoClaim", "NoExecute"] as const;

/** A qualified name: `[prefix/]name`, as keys of labels and taints are. */
export const QualifiedName = z
  .string()
  .min(1)
  .max(317)
  .regex(/^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/);

export const LabelValue = z
  .string()
  .max(63)
  .regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/);

export const Labels = z.record(z.string(), LabelValue);

export const Taint = z.object({
  key: QualifiedName.describe("What it is about, e.g. example.com/burn-in."),
  value: LabelValue.optional().describe("What a toleration with operator Equal compares."),
  effect: z
    .enum(TAINT_EFFECTS)
    .describe(
      "NoClaim: no new claim that does not tolerate it. NoExecute: as well, a bound claim that does not tolerate it is reported.",
    ),
});
export type Taint = z.output<typeof Taint>;

export const Toleration = z
  .object({
    key: QualifiedName.optional().describe("The taint's key. Not given: every key."),
    operator: z
      .enum(["Exists", "Equal"])
      .optional()
      .describe("Exists: whatever the taint's value. Equal: the same value. Not given: Equal."),
    value: LabelValue.optional().describe("The taint's value, for operator Equal."),
    effect: z.enum(TAINT_EFFECTS).optional().describe("The taint's effect. Not given: both."),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "!has(self.operator) || self.operator != 'Exists' || !has(self.value)",
        message: "operator Exists takes no value: leave value out, or write operator: Equal",
      },
      {
        rule: "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
        message: "a toleration of every key has operator: Exists; else write the key",
      },
    ],
  });
export type Toleration = z.output<typeof Toleration>;

const Expression = z
  .object({
    key: QualifiedName.describe("A label's key."),
    operator: z
      .enum(["In", "NotIn", "Exists", "DoesNotExist"])
      .describe("How the label's value relates to values."),
    values: z.array(LabelValue).max(64).optional().describe("For In and NotIn: one or more."),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
        message: "In and NotIn need values, Exists and DoesNotExist take none",
      },
    ],
  });

/** metav1.LabelSelector. */
export const Selector = z.object({
  matchLabels: Labels.optional().describe("Labels that must be there with just these values."),
  matchExpressions: z.array(Expression).max(32).optional().describe("All of them must hold."),
});
export type Selector = z.output<typeof Selector>;

const Places = z.array(Label).max(64);
const Text = z.string().min(1).max(128);

/** What a machine's hardware must have: compared with `status.hardware` of Machines. */
export const Requirements = z
  .object({
    architecture: z.enum(["amd64", "arm64"]).optional().describe("The CPU's architecture."),
    firmware: z.enum(["UEFI", "Legacy"]).optional().describe("How the machine starts."),
    minCPUs: z.int().min(1).optional().describe("At least so many logical processors."),
    minMemoryGiB: z.int().min(1).optional().describe("At least so much memory."),
    disks: z
      .array(
        z.object({
          count: z.int().min(1).max(256).optional().describe("So many of them. Not given: 1."),
          minSizeGiB: z.int().min(1).optional().describe("Each at least so large."),
          type: z
            .enum(DISK_TYPES)
            .optional()
            .describe("HDD rotates; SSD is any flash, NVMe too. Not given: any."),
        }),
      )
      .max(16)
      .optional()
      .describe("Disks that must all be there together; no disk counts for two entries."),
    minDiskGiB: z.int().min(1).optional().describe("All local disks together, at least."),
    minNICs: z.int().min(1).optional().describe("At least so many network interfaces."),
    minLinkMbps: z.int().min(1).optional().describe("The fastest interface's link, at least."),
    minGPUs: z.int().min(1).optional().describe("At least so many GPUs."),
    manufacturer: Text.optional().describe("As the machine's SMBIOS says it, any case."),
    model: Text.optional().describe("The product name, as the machine's SMBIOS says it, any case."),
    profiles: z
      .array(Label)
      .max(32)
      .optional()
      .describe("One of these HardwareProfiles: named by the Machine, or matching it."),
    zones: Places.optional().describe("In one of these Zones."),
    notZones: Places.optional().describe("In none of these Zones."),
    racks: z.array(Text).max(64).optional().describe("In one of these racks (location.rack)."),
    notRacks: z.array(Text).max(64).optional().describe("In none of these racks (location.rack)."),
  })
  .describe("What the hardware must have. A machine whose inventory is unknown does not match.");
export type Requirements = z.output<typeof Requirements>;

export const TopologySpread = z.object({
  topologyKey: z.enum(["Zone", "Rack"]).describe("Over what to spread."),
  maxSkew: z
    .int()
    .min(1)
    .optional()
    .describe(
      "How many more claims one zone or rack may have than the one with the fewest. Not given: 1.",
    ),
  whenUnsatisfiable: z
    .enum(["DoNotSchedule", "ScheduleAnyway"])
    .optional()
    .describe(
      "DoNotSchedule: the claim waits. ScheduleAnyway: it takes the best that there is. Not given: DoNotSchedule.",
    ),
  matchLabels: Labels.optional().describe(
    "Which claims of the namespace count. Not given: those of the same pool, else those with the same labels.",
  ),
});
export type TopologySpread = z.output<typeof TopologySpread>;
