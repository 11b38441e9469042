import { z } from "zod";
import { NONCES } from "#lifecycle/facts.ts";
import { DISK_TYPES } from "./placement.ts";
import { Digest, Ipv4Address, MacAddress, Time } from "./reference.ts";

/** Who a machine is: learned at commissioning, compared before anything is changed. */
export const MachineIdentity = z.object({
  systemUUID: z.string().max(36).optional().describe("Lower case; placeholders count as absent."),
  serial: z.string().max(128).optional().describe("The system's serial number."),
  macAddresses: z.array(MacAddress).max(64).optional().describe("Of all its interfaces."),
  diskSerials: z
    .array(z.string().max(128))
    .max(128)
    .optional()
    .describe("Of its local disks: serial, else WWN."),
  bmcFingerprint: z.string().max(64).optional().describe("SHA-256 of the BMC's certificate."),
  proven: z
    .boolean()
    .optional()
    .describe("The agent on the host and the BMC named the same machine."),
  host: z
    .object({
      systemUUID: z.string().max(36).optional().describe("The system UUID."),
      serial: z.string().max(128).optional().describe("The system's serial number."),
    })
    .optional()
    .describe("What the host says, where a person accepted that the BMC says something else."),
});
export type MachineIdentity = z.output<typeof MachineIdentity>;

/** An address that the operator allocated to an interface. */
export const MachineAddress = z.object({
  mac: MacAddress.describe("The interface."),
  ip: Ipv4Address.describe("Its address, for good."),
  subnet: z.string().max(63).describe("The name of the zone's subnet."),
});

/** Disks that are alike, as one entry: a machine with 24 of them stays small in every cache. */
const Drives = z.object({
  type: z.enum(DISK_TYPES).describe("HDD rotates; NVMe is flash on PCIe; SSD is other flash."),
  sizeGiB: z.int().min(0).describe("Of each."),
  count: z.int().min(1).describe("How many of them."),
});

export type Drives = z.output<typeof Drives>;

/** The little of an inventory that placement needs. */
export const MachineHardware = z.object({
  manufacturer: z.string().max(128).optional().describe("As SMBIOS says it."),
  model: z.string().max(128).optional().describe("The product name, as SMBIOS says it."),
  architecture: z.string().max(16).optional().describe("amd64 or arm64."),
  cpus: z.int().min(0).optional().describe("Logical processors."),
  memoryMiB: z.int().min(0).optional().describe("Installed memory."),
  disks: z.int().min(0).optional().describe("How many local disks."),
  diskGiB: z.int().min(0).optional().describe("All local disks together."),
  drives: z
    .array(Drives)
    .max(32)
    .optional()
    .describe("Local disks by type and size, largest first."),
  nics: z.int().min(0).optional().describe("How many network interfaces."),
  maxLinkMbps: z.int().min(0).optional().describe("The fastest link that is up."),
  gpus: z.int().min(0).optional().describe("How many GPUs and accelerators."),
  firmware: z.enum(["UEFI", "Legacy"]).optional().describe("How it started when it was looked at."),
});
export type MachineHardware = z.output<typeof MachineHardware>;

/** What was carried out, as against what is wanted. */
export const MachineApplied = z.object({
  image: z.string().max(253).optional().describe("The OSImage's name."),
  imageDigest: Digest.optional().describe("From before the first write to the end of a release."),
  disk: z
    .enum(["Erased", "Partial", "Written", "Foreign"])
    .optional()
    .describe("What the records say of the disks; the last writer counts."),
  task: z.string().max(253).optional().describe("The MachineTask that said so."),
  userDataHash: z
    .string()
    .max(64)
    .optional()
    .describe("SHA-256 of the user data that the system was given."),
  nonces: z
    .partialRecord(z.enum(NONCES), z.string().max(64))
    .optional()
    .describe("The values of spec.nonces that were acted on."),
  credentialsVersion: z.string().max(64).optional().describe("The Secret's that worked last."),
  at: Time.optional().describe("When it was last told."),
});
export type MachineApplied = z.output<typeof MachineApplied>;
