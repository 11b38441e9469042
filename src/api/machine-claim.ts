import { z } from "zod";
import type { KubeObject } from "#base/object.ts";
import { conditions, ObservedGeneration } from "./condition.ts";
import { Deploy } from "./deploy.ts";
import { MachineAddress } from "./machine-facts.ts";
import { Requirements, Selector, Toleration, TopologySpread } from "./placement.ts";
import { Ref } from "./reference.ts";

/** A Machine, which may be in another namespace than who names it. */
export const MachineRef = Ref.extend({
  namespace: z.string().min(1).max(63).describe("The Machine's namespace."),
});

export const MachineClaimSpec = z
  .object({
    machineRef: MachineRef.optional().describe("This Machine and no other."),
    adoptBound: z
      .boolean()
      .default(false)
      .describe(
        "With machineRef: take the Machine over from a claim that is lost, as after a restore; nothing is written to it.",
      ),
    selector: Selector.optional().describe("The labels of the Machines to choose from."),
    requirements: Requirements.optional(),
    topologySpread: z
      .array(TopologySpread)
      .max(2)
      .optional()
      .describe("How claims spread over zones and racks.")
      .meta({
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["topologyKey"],
      }),
    tolerations: z
      .array(Toleration)
      .max(16)
      .optional()
      .describe("Taints of Machines that do not keep this claim away."),
    priority: z
      .int()
      .min(-1_000_000)
      .max(1_000_000)
      .default(0)
      .describe("Who is served first when machines are few: the higher. Nobody is pushed out."),
    deploy: Deploy.optional().describe(
      "What is to run. Not given: the machine is held and waits, Allocated.",
    ),
    updateStrategy: z
      .enum(["OnDelete", "Reinstall"])
      .default("OnDelete")
      .describe(
        "When deploy changes. OnDelete: UpToDate becomes False, a new claim gets the new system. Reinstall: the machine is erased and deployed anew.",
      ),
    protected: z
      .boolean()
      .default(false)
      .describe("No DELETE while set: deleting a claim gives its machine back, to be erased."),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "!self.adoptBound || has(self.machineRef)",
        message: "adoptBound needs machineRef: write which Machine to take over",
      },
    ],
  });

/** Written by the operator alone. */
export const MachineClaimStatus = z
  .object({
    observedGeneration: ObservedGeneration,
    machineRef: MachineRef.extend({
      uid: z.string().max(64).describe("The Machine's UID: another of the same name is not it."),
      zone: z.string().max(63).describe("The Machine's Zone."),
    })
      .optional()
      .describe("The Machine that is held. The lock is claimRef in the Machine's status."),
    providerID: z
      .string()
      .max(128)
      .optional()
      .describe("What the Node's spec.providerID must be: steelyard://<the claim's UID>."),
    addresses: z.array(MachineAddress).max(16).optional().describe("The Machine's addresses."),
    image: z.string().max(253).optional().describe("The OSImage that runs."),
    untouched: z
      .object({
        epoch: z.int().min(0).describe("The Machine's epoch."),
        release: z
          .string()
          .max(64)
          .optional()
          .describe("The value of nonces.release that the Machine had answered."),
      })
      .optional()
      .describe(
        "How the Machine stood, as long as nothing was written to it for the claim: if it loses its status then, it is bound again.",
      ),
    conditions: conditions(),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "!has(oldSelf.machineRef) || !has(self.machineRef) || self.machineRef == oldSelf.machineRef",
        message: "machineRef is set or cleared, never re-pointed",
      },
    ],
  })
  .default({ observedGeneration: -1 });

const UNBOUND = "!has(oldSelf.status) || !has(oldSelf.status.machineRef)";
/** What decides where a claim goes, and so is of no effect once it is there. */
const PLACEMENT = ["selector", "requirements", "topologySpread"] as const;

/** Rules over the whole object, where spec and status meet. CEL writes the field `namespace` so. */
export const MACHINE_CLAIM_RULES = [
  {
    rule: `${UNBOUND} || !has(self.spec.machineRef) || (self.spec.machineRef.name == oldSelf.status.machineRef.name && self.spec.machineRef.__namespace__ == oldSelf.status.machineRef.__namespace__)`,
    message:
      "the claim holds another Machine (status.machineRef): make another claim for the one in spec.machineRef",
  },
  ...PLACEMENT.map((field) => ({
    rule: `${UNBOUND} || (has(self.spec.${field}) == has(oldSelf.spec.${field}) && (!has(self.spec.${field}) || self.spec.${field} == oldSelf.spec.${field}))`,
    message: `the claim holds a Machine already, so that spec.${field} is immutable: put it back, or make another claim`,
  })),
];

/** The providerID of a claim's node: of the claim, never of the machine, which others get later. */
export const providerID = (claimUid: string): string => `steelyard://${claimUid}`;

export type MachineClaimSpec = z.output<typeof MachineClaimSpec>;
export type MachineClaimStatus = z.output<typeof MachineClaimStatus>;
export type MachineClaim = KubeObject<MachineClaimSpec, MachineClaimStatus>;
