import { AGE, type Kind, READY, REASON } from "./crd.ts";
import { KINDS } from "./group.ts";
import { HardwareProfileSpec, HardwareProfileStatus } from "./hardware-profile.ts";
import { MACHINE_RULES, MachineSpec, MachineStatus } from "./machine.ts";
import { MACHINE_CLAIM_RULES, MachineClaimSpec, MachineClaimStatus } from "./machine-claim.ts";
import { MachineInventorySpec } from "./machine-inventory.ts";
import {
  MACHINE_POOL_RULES,
  MachinePoolSpec,
  MachinePoolStatus,
  POOL_SCALE,
} from "./machine-pool.ts";
import { MachineTaskSpec, MachineTaskStatus } from "./machine-task.ts";
import { OSImageSpec, OSImageStatus } from "./os-image.ts";
import { RackSpec, RackStatus } from "./rack.ts";
import { ZONE_RULES, ZoneSpec, ZoneStatus } from "./zone.ts";

/** Every kind of ours: `npm run generate` makes `crds/` of this. */
export const ALL_KINDS: readonly Kind[] = [
  {
    resource: KINDS.machine,
    description: "A physical server: its BMC, how it boots, who holds it, what runs on it.",
    spec: MachineSpec,
    status: MachineStatus,
    shortNames: ["mach"],
    columns: [
      { name: "Zone", jsonPath: ".spec.zoneRef.name" },
      { name: "Phase", jsonPath: ".status.phase" },
      READY,
      REASON,
      { name: "Power", jsonPath: ".status.power" },
      { name: "Image", jsonPath: ".status.image" },
      { name: "Claim", jsonPath: ".status.claimRef.name" },
      AGE,
      { name: "BMC", jsonPath: ".spec.bmc.address", wide: true },
      { name: "Model", jsonPath: ".status.hardware.model", wide: true },
      { name: "CPU", jsonPath: ".status.hardware.cpus", type: "integer", wide: true },
      { name: "Memory", jsonPath: ".status.hardware.memoryMiB", type: "integer", wide: true },
    ],
    selectable: [".spec.zoneRef.name", ".status.phase", ".status.claimRef.uid"],
    rules: MACHINE_RULES,
  },
  {
    resource: KINDS.machineTask,
    description: "One thing that a machine's agent is to do once: the intent, and how it went.",
    spec: MachineTaskSpec,
    status: MachineTaskStatus,
    shortNames: ["mtask"],
    columns: [
      { name: "Machine", jsonPath: ".spec.machineRef.name" },
      { name: "Type", jsonPath: ".spec.type" },
      { name: "Attempt", jsonPath: ".spec.attempt", type: "integer" },
      { name: "State", jsonPath: ".status.state" },
      { name: "Message", jsonPath: ".status.message" },
      AGE,
      { name: "Zone", jsonPath: ".spec.zone", wide: true },
      { name: "Rack", jsonPath: ".status.grant.rack", wide: true },
    ],
    selectable: [".spec.zone", ".spec.machineRef.name"],
  },
  {
    resource: KINDS.machineInventory,
    description: "What the agent found in a machine, whole. It has the machine's name.",
    spec: MachineInventorySpec,
    shortNames: ["minv"],
    columns: [
      { name: "Product", jsonPath: ".spec.system.product" },
      { name: "CPUs", jsonPath: ".spec.cpu.threads", type: "integer" },
      { name: "MemoryMiB", jsonPath: ".spec.memory.totalMiB", type: "integer" },
      AGE,
    ],
  },
  {
    resource: KINDS.rack,
    description: "One rack pod: what it serves, which images it holds, whom it met on the wire.",
    spec: RackSpec,
    status: RackStatus,
    shortNames: ["mrack"],
    columns: [
      { name: "Zone", jsonPath: ".spec.zone" },
      { name: "Node", jsonPath: ".status.node" },
      AGE,
    ],
  },
  {
    resource: KINDS.zone,
    description: "A physical availability zone: its networks, its limits, who may claim there.",
    spec: ZoneSpec,
    status: ZoneStatus,
    shortNames: ["mzone"],
    columns: [
      READY,
      { name: "Racks", jsonPath: ".status.racks", type: "integer" },
      { name: "Machines", jsonPath: ".status.machines", type: "integer" },
      { name: "Free", jsonPath: ".status.free", type: "integer" },
      AGE,
    ],
    rules: ZONE_RULES,
  },
  {
    resource: KINDS.osImage,
    description: "An operating system to write to disks, or to run from memory.",
    spec: OSImageSpec,
    status: OSImageStatus,
    shortNames: ["osimg"],
    columns: [
      READY,
      { name: "OS", jsonPath: ".spec.os.name" },
      { name: "Version", jsonPath: ".spec.os.version" },
      { name: "Used", jsonPath: ".status.usedBy", type: "integer" },
      AGE,
    ],
  },
  {
    resource: KINDS.machineClaim,
    description: "A tenant's wish for one machine: what hardware it must have, what runs on it.",
    spec: MachineClaimSpec,
    status: MachineClaimStatus,
    shortNames: ["mclaim"],
    columns: [
      READY,
      REASON,
      { name: "Machine", jsonPath: ".status.machineRef.name" },
      { name: "Zone", jsonPath: ".status.machineRef.zone" },
      { name: "Image", jsonPath: ".status.image" },
      AGE,
      { name: "Address", jsonPath: ".status.addresses[0].ip", wide: true },
      { name: "Provider-ID", jsonPath: ".status.providerID", wide: true },
    ],
    selectable: [".status.machineRef.namespace", ".status.machineRef.name"],
    rules: MACHINE_CLAIM_RULES,
  },
  {
    resource: KINDS.machinePool,
    description:
      "A number of like MachineClaims: keeps them, scales them, rolls changes over them.",
    spec: MachinePoolSpec,
    status: MachinePoolStatus,
    shortNames: ["mpool"],
    columns: [
      { name: "Desired", jsonPath: ".spec.replicas", type: "integer" },
      { name: "Current", jsonPath: ".status.replicas", type: "integer" },
      { name: "Ready", jsonPath: ".status.readyReplicas", type: "integer" },
      { name: "Updated", jsonPath: ".status.updatedReplicas", type: "integer" },
      { name: "Free", jsonPath: ".status.free", type: "integer" },
      REASON,
      AGE,
      { name: "Image", jsonPath: ".spec.template.spec.deploy.imageRef.name", wide: true },
    ],
    scale: POOL_SCALE,
    rules: MACHINE_POOL_RULES,
  },
  {
    resource: KINDS.hardwareProfile,
    description: "What machines of one model share: settings, capacity, quirks.",
    spec: HardwareProfileSpec,
    status: HardwareProfileStatus,
    shortNames: ["hwp"],
    columns: [
      READY,
      { name: "Vendor", jsonPath: ".spec.match.vendor" },
      { name: "Model", jsonPath: ".spec.match.model" },
      { name: "Machines", jsonPath: ".status.machines", type: "integer" },
      AGE,
    ],
  },
];
