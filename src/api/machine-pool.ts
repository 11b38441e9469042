import { z } from "zod";
import type { KubeObject } from "#base/object.ts";
import { conditions, ObservedGeneration } from "./condition.ts";
import { MachineClaimSpec } from "./machine-claim.ts";
import { Labels, LabelValue, QualifiedName } from "./placement.ts";
import { Capacity, IntOrPercent, Seconds } from "./reference.ts";

const Replicas = z.int().min(0).max(10_000);

const NodeTaint = z.object({
  key: QualifiedName.describe("The taint's key."),
  value: LabelValue.optional().describe("The taint's value."),
  effect: z
    .enum(["NoSchedule", "PreferNoSchedule", "NoExecute"])
    .describe("What it does to pods that do not tolerate it."),
});

/** Bounds that are changed in Git are no matter of who scales: the operator scales to within them. */
const UNCHANGED =
  "(oldSelf.hasValue() && has(oldSelf.value().replicas) && oldSelf.value().replicas == self.replicas)";

export const MachinePoolSpec = z
  .object({
    replicas: Replicas.optional().describe(
      "How many claims there shall be; `kubectl scale` and autoscalers write it. Not given: minReplicas, else 0, which the operator then writes.",
    ),
    minReplicas: Replicas.optional().describe("Nobody scales below it."),
    maxReplicas: Replicas.optional().describe("Nobody scales above it."),
    template: z
      .object({
        metadata: z
          .object({
            labels: Labels.optional().describe("Labels of each claim."),
            annotations: z
              .record(z.string(), z.string().max(4_096))
              .optional()
              .describe("Annotations of each claim."),
          })
          .optional()
          .describe("What each claim is given besides."),
        spec: MachineClaimSpec.describe("The spec of each claim."),
      })
      .describe("What claims are made of. A change is rolled out as strategy says."),
    deletePolicy: z
      .enum(["Newest", "Oldest", "Random"])
      .default("Newest")
      .describe("Which claim goes first when there are too many; those not Ready before all."),
    strategy: z
      .object({
        type: z
          .enum(["Replace", "Reinstall"])
          .default("Replace")
          .describe(
            "Replace: a new claim for each old one, on whichever machine fits. Reinstall: on the same machine.",
          ),
        maxUnavailable: IntOrPercent.default(1).describe(
          'How many claims may be not Ready while a change is rolled out: a number, or e.g. "25%" (rounded down, at least 1).',
        ),
      })
      .optional()
      .describe(
        "How a change of the template reaches the claims. Default: Replace, one at a time.",
      ),
    autoscaling: z
      .object({
        capacity: Capacity.optional().describe(
          "What a node will have, for scaling up from none, e.g. cpu: 64. Not given: of a machine that fits.",
        ),
        nodeLabels: Labels.optional().describe("Labels that the nodes will have."),
        nodeTaints: z
          .array(NodeTaint)
          .max(16)
          .optional()
          .describe("Taints that the nodes will have."),
        maxNodeProvisionTime: Seconds.optional().describe(
          'How long a new machine may take to become a node, e.g. "2700s".',
        ),
      })
      .optional()
      .describe(
        "What a cluster autoscaler is told of the pool. Not given: the pool is not offered.",
      ),
    warm: Replicas.optional().describe(
      "So many free machines that fit are kept waiting in the agent, so that a deploy starts at once.",
    ),
    protected: z
      .boolean()
      .default(false)
      .describe("No DELETE while set: deleting a pool gives all its machines back, to be erased."),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "!has(oldSelf.replicas) || has(self.replicas)",
        message:
          "replicas was set and cannot be taken away: write a number, or what `kubectl scale` or an autoscaler wrote would be lost",
      },
      {
        rule: "!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
        message: "minReplicas is above maxReplicas: write min <= max",
      },
      {
        rule: `!has(self.replicas) || !has(self.minReplicas) || self.replicas >= self.minReplicas || ${UNCHANGED}`,
        optionalOldSelf: true,
        message: "replicas is below minReplicas: write a number from minReplicas to maxReplicas",
      },
      {
        rule: `!has(self.replicas) || !has(self.maxReplicas) || self.replicas <= self.maxReplicas || ${UNCHANGED}`,
        optionalOldSelf: true,
        message: "replicas is above maxReplicas: write a number from minReplicas to maxReplicas",
      },
      {
        rule: "!has(self.template.spec.machineRef)",
        message:
          "a pool's claims choose their machines: take template.spec.machineRef away, or write a MachineClaim",
      },
      {
        rule: "!has(self.template.spec.deploy) || !has(self.template.spec.deploy.hostname)",
        message:
          "all machines would get one name: take template.spec.deploy.hostname away, each is called like its Machine then",
      },
      {
        rule: "!self.template.spec.protected",
        message: "the pool deletes claims by itself: write spec.protected, of the pool, instead",
      },
    ],
  });

/** Written by the operator alone. */
export const MachinePoolStatus = z
  .object({
    observedGeneration: ObservedGeneration,
    replicas: z.int().min(0).optional().describe("Claims that there are."),
    readyReplicas: z.int().min(0).optional().describe("Claims that are Ready."),
    updatedReplicas: z.int().min(0).optional().describe("Claims that are as the template says."),
    selector: z
      .string()
      .max(512)
      .optional()
      .describe("The labels of the pool's claims, for `kubectl scale` and autoscalers."),
    free: z.int().min(0).optional().describe("Machines that a claim of this pool could take now."),
    releasing: z
      .array(z.string().max(64))
      .max(128)
      .optional()
      .describe(
        "UIDs of claims that are given up: written before they are deleted, so that nobody picks others in their stead.",
      ),
    conditions: conditions(),
  })
  .default({ observedGeneration: -1 });

/** Rules over the whole object. Its name becomes the value of a label. */
export const MACHINE_POOL_RULES = [
  {
    rule: "size(self.metadata.name) <= 63",
    message: "the name is a label of the pool's claims: write at most 63 characters",
  },
];

/** Where `kubectl scale` and autoscalers find what they need. */
export const POOL_SCALE = {
  specReplicasPath: ".spec.replicas",
  statusReplicasPath: ".status.replicas",
  labelSelectorPath: ".status.selector",
} as const;

export type MachinePoolSpec = z.output<typeof MachinePoolSpec>;
export type MachinePoolStatus = z.output<typeof MachinePoolStatus>;
export type MachinePool = KubeObject<MachinePoolSpec, MachinePoolStatus>;
