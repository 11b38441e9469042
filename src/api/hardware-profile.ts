import { z } from "zod";
import type { KubeObject } from "#base/object.ts";
import { conditions, ObservedGeneration } from "./condition.ts";
import { Capacity } from "./reference.ts";

const Name = z.string().min(1).max(128);

const Volume = z.object({
  name: Name.optional().describe("The volume's name on the controller."),
  level: z
    .enum(["RAID0", "RAID1", "RAID5", "RAID6", "RAID10", "RAID50", "RAID60"])
    .describe("How its disks are combined."),
  disks: z.int().min(1).max(128).optional().describe("Of so many disks. Not given: all."),
  sizeGiB: z.int().min(1).optional().describe("So large. Not given: all there is."),
});

/** What machines of one model share. Fields marked "not acted on yet" are kept for later. */
export const HardwareProfileSpec = z.object({
  match: z
    .object({
      vendor: Name.optional().describe("The manufacturer, as status.hardware says it, any case."),
      model: Name.optional().describe("The product name, as status.hardware says it, any case."),
    })
    .meta({
      "x-kubernetes-validations": [
        {
          rule: "has(self.vendor) || has(self.model)",
          message: "every machine would match: write vendor, model or both, or leave match out",
        },
      ],
    })
    .optional()
    .describe(
      "Machines that have the profile without naming it in profileRef; of several that match a Machine, the first by name is its. Not given: only those that name it.",
    ),
  kernelArgs: z
    .array(z.string().min(1).max(256))
    .max(32)
    .optional()
    .describe("Added to the kernel's command line of what is deployed."),
  sysctl: z
    .record(z.string(), z.string().max(256))
    .optional()
    .describe("Kernel settings of what is deployed, by cloud-init, e.g. vm.nr_hugepages."),
  bios: z
    .record(z.string(), z.string().max(256))
    .optional()
    .describe("BIOS attributes by the names that the BMC gives them. Not acted on yet."),
  raid: z
    .object({ volumes: z.array(Volume).max(32).describe("In the order that they are made.") })
    .optional()
    .describe("Volumes of a hardware RAID controller. Not acted on yet."),
  capacity: Capacity.optional().describe(
    "What a node on such a machine has, for autoscalers, e.g. cpu: 64, memory: 250Gi.",
  ),
  quirks: z
    .array(Name)
    .max(32)
    .optional()
    .describe("Ways in which the model differs from the standards, by name."),
  tests: z
    .array(Name)
    .max(32)
    .optional()
    .describe("Hardware tests to run at commissioning, by name. Not acted on yet."),
  kexec: z
    .boolean()
    .default(false)
    .describe("A deployed system may be started from the agent, without a firmware boot."),
});

/** Written by the operator alone. */
export const HardwareProfileStatus = z
  .object({
    observedGeneration: ObservedGeneration,
    machines: z.int().min(0).optional().describe("How many Machines have the profile."),
    conditions: conditions(),
  })
  .default({ observedGeneration: -1 });

export type HardwareProfileSpec = z.output<typeof HardwareProfileSpec>;
export type HardwareProfileStatus = z.output<typeof HardwareProfileStatus>;
export type HardwareProfile = KubeObject<HardwareProfileSpec, HardwareProfileStatus>;
