import { z } from "zod";
import type { KubeObject } from "#base/object.ts";
import { Label, MacAddress, Ref, Time } from "./reference.ts";

const Text = z.string().max(256);
const Name = z.string().max(128);
const Vendor = Name.optional().describe("Who made it.");
const Model = Name.optional().describe("The model.");
const Serial = Name.optional().describe("The serial number.");
const Driver = Name.optional().describe("The kernel's driver.");

export const InventoryDisk = z.object({
  name: Name.describe("As the kernel names it now, e.g. sda."),
  path: Text.optional().describe("/dev/disk/by-path/…"),
  sizeBytes: z.int().min(0).describe("How large it is."),
  logicalSectorSize: z.int().min(0).optional().describe("Bytes: the unit of its addresses."),
  physicalSectorSize: z.int().min(0).optional().describe("Bytes: what it writes at once."),
  rotational: z
    .boolean()
    .optional()
    .describe("Whether the kernel takes it for a disk that rotates."),
  transport: Name.optional().describe("sata, sas, nvme, virtio, usb, fc, iscsi, …"),
  remote: z.boolean().describe("Reached over a network: never written to, never erased."),
  removable: z.boolean().optional().describe("Whether its medium can be taken out."),
  readOnly: z.boolean().optional().describe("Whether it refuses writes."),
  vendor: Vendor,
  model: Model,
  serial: Serial,
  wwn: Name.optional().describe("World Wide Name."),
  firmware: Name.optional().describe("Its firmware's version."),
  blank: z.boolean().describe("No partition table, file system or volume signature was found."),
  content: Text.optional().describe("The signatures found, e.g. gpt, ext4, LVM2_member."),
  smart: z
    .object({
      healthy: z.boolean().optional().describe("What the drive says of itself."),
      temperatureC: z.int().optional().describe("Degrees Celsius."),
      powerOnHours: z.int().min(0).optional().describe("Hours of its life that it was on."),
    })
    .optional()
    .describe("What its self-monitoring tells."),
});
export type InventoryDisk = z.output<typeof InventoryDisk>;

export const InventoryNic = z.object({
  name: Name.describe("As the kernel names it now, e.g. eth0."),
  mac: MacAddress.describe("Its permanent address."),
  driver: Driver,
  linkUp: z.boolean().optional().describe("Whether there was a link."),
  speedMbps: z.int().min(0).optional().describe("The speed of the link."),
  pciAddress: Name.optional().describe("Where it is plugged in."),
  vendor: Vendor,
  model: Model,
  lldp: z
    .object({
      system: Text.optional().describe("The switch's name."),
      port: Text.optional().describe("The switch's port."),
    })
    .optional()
    .describe("The neighbour at the other end of the cable, as it announced itself."),
});
export type InventoryNic = z.output<typeof InventoryNic>;

/** What the agent found, whole. Written by the rack; too big for a status. */
export const Inventory = z.object({
  collectedAt: Time.describe("When the agent looked."),
  architecture: Name.describe("amd64 or arm64."),
  firmware: z.enum(["UEFI", "Legacy"]).describe("How the agent was started."),
  secureBoot: z.boolean().optional().describe("Whether Secure Boot was on."),
  system: z
    .object({
      uuid: z.string().max(36).optional().describe("The system UUID."),
      manufacturer: Vendor,
      product: Name.optional().describe("The product name."),
      serial: Serial,
      sku: Name.optional().describe("The vendor's order number."),
      boardSerial: Name.optional().describe("The mainboard's serial number."),
      biosVendor: Name.optional().describe("Who made the firmware."),
      biosVersion: Name.optional().describe("The firmware's version."),
      biosDate: Name.optional().describe("The firmware's date."),
    })
    .describe("What SMBIOS says of the whole."),
  cpu: z
    .object({
      model: Text.optional().describe("As the processor names itself."),
      sockets: z.int().min(0).optional().describe("Processors that are plugged in."),
      cores: z.int().min(0).optional().describe("Cores of all of them."),
      threads: z.int().min(0).describe("Logical processors."),
      numaNodes: z.int().min(0).optional().describe("NUMA nodes."),
    })
    .describe("The processors."),
  memory: z
    .object({
      totalMiB: z.int().min(0).describe("All memory that is installed."),
      dimms: z
        .array(
          z.object({
            locator: Name.optional().describe("The slot."),
            sizeMiB: z.int().min(0).describe("How large it is."),
            type: Name.optional().describe("e.g. DDR5."),
            speedMTs: z
              .int()
              .min(0)
              .optional()
              .describe("Megatransfers per second, as configured."),
            manufacturer: Vendor,
            partNumber: Name.optional().describe("The maker's part number."),
            serial: Serial,
          }),
        )
        .max(128)
        .optional()
        .describe("Its modules."),
    })
    .describe("The memory."),
  disks: z.array(InventoryDisk).max(128).describe("Every disk that the kernel sees."),
  nics: z.array(InventoryNic).max(64).describe("Every network interface of the hardware."),
  pci: z
    .array(
      z.object({
        address: Name.describe("e.g. 0000:3b:00.0."),
        class: Name.optional().describe("What it is, e.g. Ethernet controller."),
        vendor: Vendor,
        device: Name.optional().describe("The model."),
        driver: Driver,
      }),
    )
    .max(256)
    .optional()
    .describe("Devices on the PCI bus, bridges left out."),
  gpus: z.int().min(0).optional().describe("How many GPUs and accelerators."),
  tpm: z
    .object({ version: Name.optional().describe("e.g. 2.0.") })
    .optional()
    .describe("Not given: there is none."),
});
export type Inventory = z.output<typeof Inventory>;

export const MachineInventorySpec = Inventory.extend({
  zone: Label.describe("The Zone whose rack wrote it: another zone's word is not heeded."),
  machineRef: Ref.extend({ uid: z.string().max(64).describe("The Machine's UID.") }).describe(
    "Whose it is.",
  ),
});
export type MachineInventorySpec = z.output<typeof MachineInventorySpec>;
export type MachineInventory = KubeObject<MachineInventorySpec>;
