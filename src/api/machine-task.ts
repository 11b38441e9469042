import { z } from "zod";
import type { KubeObject } from "#base/object.ts";
import { ENDED_STATES, LIVE_STATES } from "#lifecycle/facts.ts";
import { TASK_TYPES } from "#lifecycle/table.ts";
import { RootDevice } from "./deploy.ts";
import { ERASE_METHODS } from "./machine.ts";
import { Artifact, READINESS } from "./os-image.ts";
import { Label, MacAddress, Ref, Seconds, Time } from "./reference.ts";

const ENDED = `['${ENDED_STATES.join("', '")}']`;

/** What a Deploy writes, resolved when the task was made: nothing is looked up later. */
export const DeployPlan = z.object({
  image: z.string().max(253).describe("The OSImage's name."),
  artifact: Artifact.describe("What is fetched and written."),
  readiness: z.enum(READINESS).describe("Who says that the system is up."),
  rootDevice: RootDevice.optional(),
  keepDisks: z.array(z.string().max(128)).max(32).optional().describe("By WWN or serial."),
  hostname: z.string().max(253).describe("The system's name."),
  kernelArgs: z
    .array(z.string().max(512))
    .max(128)
    .optional()
    .describe("Added to the kernel's command line."),
  seedSecret: z
    .string()
    .max(253)
    .optional()
    .describe("In the zone's namespace: userData and networkData, there while the task lives."),
});
export type DeployPlan = z.output<typeof DeployPlan>;

/** Which disks an Erase takes, and how. */
export const ErasePlan = z.object({
  method: z.enum(ERASE_METHODS).describe("How thoroughly; see spec.onRelease of Machine."),
  keepDisks: z
    .array(z.string().max(128))
    .max(32)
    .optional()
    .describe("By WWN or serial: not touched."),
  expectDisks: z
    .array(z.string().max(128))
    .max(128)
    .optional()
    .describe(
      "Serials known from commissioning: one that is missing now makes the erase incomplete.",
    ),
});
export type ErasePlan = z.output<typeof ErasePlan>;

/**
 * One thing that the agent in a machine's memory is to do once: the operator's recorded intent.
 * The spec is written by the operator, once.
 */
export const MachineTaskSpec = z
  .object({
    machineRef: Ref.extend({
      uid: z
        .string()
        .min(8)
        .max(64)
        .describe("The Machine's UID: another of the same name is not it."),
    }).describe("The Machine, in the same namespace."),
    zone: Label.describe("Racks of this zone alone serve it."),
    type: z.enum(TASK_TYPES).describe("What is to be done."),
    epoch: z.int().min(1).describe("The stay in the machine's life that this belongs to."),
    attempt: z.int().min(1).describe("Counts up when it is tried again."),
    macAddresses: z.array(MacAddress).min(1).max(64).describe("Who may boot into it."),
    expect: z
      .object({
        systemUUID: z.string().max(36).optional().describe("The system UUID."),
        serial: z.string().max(128).optional().describe("The system's serial number."),
      })
      .optional()
      .describe("What the BMC says of the host; the agent must find the same."),
    bootDeadline: Seconds.describe("From creation: a boot that brought no hello by then failed."),
    runDeadline: Seconds.optional().describe("From the grant on; none for a Rescue."),
    deploy: DeployPlan.optional().describe("For type Deploy: what to write."),
    erase: ErasePlan.optional().describe("For type Erase: which disks, and how."),
  })
  .meta({
    "x-kubernetes-validations": [
      { rule: "self == oldSelf", message: "a task is never changed: make another" },
      { rule: "(self.type == 'Deploy') == has(self.deploy)", message: "deploy is for type Deploy" },
      { rule: "(self.type == 'Erase') == has(self.erase)", message: "erase is for type Erase" },
    ],
  });

const Step = z.object({
  name: z.string().max(32).describe("What the agent does."),
  state: z.enum(["Running", "Succeeded", "Failed"]).describe("How far it is."),
  startedAt: Time.describe("When it began."),
  finishedAt: Time.optional().describe("When it ended."),
  progressPercent: z.int().min(0).max(100).optional().describe("How much of it is done."),
  message: z.string().max(256).optional().describe("More, for people."),
});

/** What was done to one disk, or found on it. */
const DiskResult = z.object({
  disk: z.string().max(128).describe("Serial, else WWN, else the device's name."),
  outcome: z
    .enum(["Blank", "Data", "Written", "Erased", "Kept", "Missing", "Failed"])
    .describe("What was found on it, or became of it."),
  method: z
    .string()
    .max(64)
    .optional()
    .describe("How it was erased, e.g. overwrite, discard, nvme-format."),
  claims: z
    .enum(["Clear", "Purge"])
    .optional()
    .describe("NIST SP 800-88. Overwriting flash is never Purge."),
  message: z.string().max(256).optional().describe("More, for people."),
});
export type DiskResult = z.output<typeof DiskResult>;

/**
 * Written by the rack for the agent, who holds the grant; Expired and Canceled by the operator
 * alone. One merge patch at a time, each with the resourceVersion that it was decided from.
 */
export const MachineTaskStatus = z
  .object({
    state: z
      .enum([...LIVE_STATES, ...ENDED_STATES])
      .optional()
      .describe("Absent: Pending."),
    reason: z.string().max(64).optional().describe("Why it failed, in one word."),
    message: z.string().max(512).optional().describe("Why it failed, and what to do."),
    grant: z
      .object({
        bootNonce: z.string().max(64).describe("Of the one boot that may change the machine."),
        rack: z.string().max(253).describe("The rack that gave it."),
        agentKey: z.string().max(128).describe("The public key that the agent made for itself."),
      })
      .optional()
      .describe("Given once, with Pending to Running; no other boot may write to a disk."),
    steps: z.array(Step).max(32).optional().describe("What was done, in order."),
    results: z.array(DiskResult).max(128).optional().describe("Each disk, and what became of it."),
    logTail: z.string().max(512).optional().describe("The last lines of the agent's log."),
    startedAt: Time.optional().describe("When the grant was given."),
    finishedAt: Time.optional().describe("When it ended."),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: `!has(oldSelf.state) || !(oldSelf.state in ${ENDED}) || self == oldSelf`,
        message: "an ended task never changes",
      },
      {
        rule: "!has(oldSelf.grant) || (has(self.grant) && self.grant == oldSelf.grant)",
        message: "a grant is given once",
      },
      {
        rule: "!has(self.state) || !(self.state in ['Running', 'Written']) || has(self.grant)",
        message: "nothing runs without a grant",
      },
    ],
  });

export type MachineTaskSpec = z.output<typeof MachineTaskSpec>;
export type MachineTaskStatus = z.output<typeof MachineTaskStatus>;
export type MachineTask = KubeObject<MachineTaskSpec, MachineTaskStatus>;

/** Whether a task of that name is another Machine's, one that was here before under the same name. */
export function isOfAnother(task: string, machineUid: string): boolean {
  const uid = /-([^-]{8})-[a-z]+-\d+-\d+$/.exec(task)?.[1];
  return uid !== undefined && uid !== machineUid.slice(0, 8);
}

/**
 * The name of a task is the lock on what follows it: whoever repeats an intent from an old view of
 * the world asks for a name that is taken, and must not go on.
 */
export function taskName({
  machineRef,
  type,
  epoch,
  attempt,
}: Pick<MachineTaskSpec, "machineRef" | "type" | "epoch" | "attempt">): string {
  const machine = machineRef.name.slice(0, 40).replace(/[-.]+$/, ""); // RFC 1123: no "." before "-"
  return `${machine}-${machineRef.uid.slice(0, 8)}-${type.toLowerCase()}-${epoch}-${attempt}`;
}
