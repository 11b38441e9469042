import { z } from "zod";
import type { KubeObject } from "#base/object.ts";
import { ADOPTIONS, DELETION_POLICIES, MODES, NONCES } from "#lifecycle/facts.ts";
import { PHASES } from "#lifecycle/table.ts";
import { conditions, ObservedGeneration } from "./condition.ts";
import { Deploy, RootDevice } from "./deploy.ts";
import { MachineBmc } from "./machine-bmc.ts";
import {
  MachineAddress,
  MachineApplied,
  MachineHardware,
  MachineIdentity,
} from "./machine-facts.ts";
import { Taint } from "./placement.ts";
import { MacAddress, Ref, Time } from "./reference.ts";

/** How a machine gives its disks back. */
export const ERASE_METHODS = ["None", "Quick", "Secure", "Full"] as const;
export type EraseMethod = (typeof ERASE_METHODS)[number];

/** What a rack answers to a boot when no task is due (design section 4). */
export const BOOTS = ["Agent", "Local", "Memory", "Hold"] as const;
export type Boot = (typeof BOOTS)[number];

export const MachineSpec = z
  .object({
    zoneRef: Ref.describe("The Zone whose racks can reach the machine.").meta({
      "x-kubernetes-validations": [
        { rule: "self == oldSelf", message: "zoneRef is immutable: make another Machine" },
      ],
    }),
    location: z
      .object({
        rack: z
          .string()
          .max(63)
          .optional()
          .describe("The rack; topologySpread and racks of claims go by it."),
        position: z.int().min(0).max(100).optional().describe("The lowest height unit it fills."),
        pdu: z.string().max(63).optional().describe("Its power distribution unit."),
      })
      .optional()
      .describe("Where it stands."),
    asset: z
      .object({
        tag: z.string().max(128).optional().describe("The tag in your inventory."),
        warrantyUntil: z.string().max(32).optional().describe("A date, e.g. 2029-06-30."),
      })
      .optional()
      .describe("For people; nothing is decided by it."),
    profileRef: Ref.optional().describe("The HardwareProfile of its model."),
    taints: z
      .array(Taint)
      .max(16)
      .optional()
      .describe("Keep claims away that do not tolerate.")
      .meta({
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["key", "effect"],
      }),
    bmc: MachineBmc,
    boot: z
      .object({
        macAddresses: z
          .array(MacAddress)
          .min(1)
          .max(16)
          .describe("Of the interfaces that it may boot from."),
        mode: z
          .enum(["UEFI", "UEFISecureBoot", "Legacy"])
          .default("UEFI")
          .describe("How its firmware starts."),
        method: z
          .enum(["Auto", "PXE", "HTTPBoot", "VirtualMedia"])
          .default("Auto")
          .describe("How it gets the agent. Auto: PXE, else what works."),
        vlan: z.int().min(1).max(4_094).optional().describe("The tagged VLAN that it boots on."),
        rootDevice: RootDevice.optional(),
      })
      .describe("How it starts from the network."),
    mode: z.enum(MODES).default("Active").describe("What a person wants of the machine."),
    paused: z
      .boolean()
      .default(false)
      .describe("Hands off: nothing is changed, and deletion drops the finalizer at once."),
    protected: z
      .boolean()
      .default(false)
      .describe("No DELETE, no release, no adding or taking away of spec.deploy while set."),
    deploy: Deploy.optional().describe(
      "A static owner. Taking it away from a deployed machine orders its release.",
    ),
    standby: z
      .enum(["Off", "Warm"])
      .optional()
      .describe("How a Ready machine waits. Not given: off after its last task, then left alone."),
    onRelease: z
      .object({
        erase: z
          .enum(ERASE_METHODS)
          .default("Secure")
          .describe(
            "None: nothing. Quick: signatures. Secure: what the drive itself offers. Full: every sector is overwritten.",
          ),
        keepDisks: z
          .array(z.string().max(128))
          .max(32)
          .optional()
          .describe("By WWN or serial: neither erased nor written to."),
      })
      .optional()
      .describe("What becomes of the disks. Default: Secure, and Full for a disk that cannot."),
    adoption: z
      .enum(ADOPTIONS)
      .default("Refuse")
      .describe("What may become of data that was there before. Only Wipe erases it."),
    deletionPolicy: z
      .enum(DELETION_POLICIES)
      .default("Orphan")
      .describe(
        "Orphan: deleting the object never touches the hardware. Decommission: erase first.",
      ),
    nonces: z
      .partialRecord(z.enum(NONCES), z.string().max(64))
      .optional()
      .describe("Change one to ask for it again; the first sight only adopts it."),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "!(oldSelf.protected && self.protected) || has(self.deploy) == has(oldSelf.deploy)",
        message: "spec.protected is set: take it away before adding or removing spec.deploy",
      },
    ],
  });

/** Written by the operator alone. Every field may be missing: a status may be lost. */
export const MachineStatus = z
  .object({
    observedGeneration: ObservedGeneration,
    phase: z
      .enum(PHASES)
      .optional()
      .describe("For people; others go by conditions and tasks.")
      .meta({ default: "New" }), // for the column alone: isBlank says whether it was written
    phaseSince: Time.optional().describe("When the phase was entered."),
    epoch: z
      .int()
      .min(0)
      .optional()
      .describe("Counts tenures: up with each phase that has a task."),
    boot: z.enum(BOOTS).optional().describe("What a rack answers when no task is due."),
    power: z
      .enum(["On", "Off", "Unknown"])
      .optional()
      .describe("As last read from the BMC, or On when its system has just reported in."),
    image: z.string().max(253).optional().describe("The OSImage that was applied."),
    claimRef: Ref.extend({
      namespace: z.string().max(63).describe("The claim's namespace."),
      uid: z.string().max(64).describe("The claim's UID: another of the same name is not it."),
    })
      .optional()
      .describe("The MachineClaim that holds it: the lock."),
    providerID: z
      .string()
      .max(128)
      .optional()
      .describe("Of the claim that holds it: what its Node is called by."),
    addresses: z
      .array(MachineAddress)
      .max(16)
      .optional()
      .describe("Allocated once for each known NIC."),
    task: z
      .object({
        name: z.string().max(253).describe("Its name."),
        state: z.string().max(16).describe("Its state, as last seen."),
      })
      .optional()
      .describe("The newest MachineTask."),
    ending: z
      .object({
        for: z.enum(["Off", "Reboot"]).describe("What comes after it."),
        since: Time.describe("When it was asked; after five minutes the power is cut."),
        stopped: z.boolean().optional().describe("It was read off; it is started again next."),
      })
      .optional()
      .describe("The operating system was asked to end by itself."),
    identity: MachineIdentity.optional().describe("Who it is, as learned at commissioning."),
    hardware: MachineHardware.optional().describe("What placement needs of its inventory."),
    applied: MachineApplied.optional().describe("What was carried out, as against what is wanted."),
    lastErase: z
      .object({
        task: z.string().max(253).describe("The MachineTask."),
        finishedAt: Time.describe("When it ended."),
        method: z.enum(ERASE_METHODS).describe("How thoroughly it was."),
      })
      .optional()
      .describe("The last erase of all its disks."),
    conditions: conditions(),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "!has(oldSelf.epoch) || (has(self.epoch) && self.epoch >= oldSelf.epoch)",
        message: "epoch never goes back: whoever writes this has an old view",
      },
      {
        rule: "!has(oldSelf.claimRef) || !has(self.claimRef) || self.claimRef == oldSelf.claimRef || (has(self.epoch) && (!has(oldSelf.epoch) || self.epoch > oldSelf.epoch))",
        message:
          "claimRef is set or cleared, never re-pointed, save with a higher epoch: to take over from a lost claim",
      },
    ],
  })
  .default({ observedGeneration: -1 });

/** Rules over the whole object, where spec and status meet. */
export const MACHINE_RULES = [
  {
    rule: "!has(self.spec.deploy) || !has(self.status) || !has(self.status.claimRef)",
    message: "spec.deploy and a claim exclude each other: release the claim first",
  },
];

/** What a user writes; what a controller reads has the defaults filled in. */
export type MachineSpec = z.output<typeof MachineSpec>;
export type MachineStatus = z.output<typeof MachineStatus>;
export type Machine = KubeObject<MachineSpec, MachineStatus>;
