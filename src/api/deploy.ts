import { z } from "zod";
import { Ref } from "./reference.ts";

/** What is to run on a machine: on Machine for a static owner, on MachineClaim for a tenant. */
export const Deploy = z.object({
  imageRef: Ref.describe("The OSImage to write."),
  userDataSecretRef: Ref.optional().describe(
    "A Secret of type steelyard.dev/user-data in the same namespace; key userData.",
  ),
  networkDataSecretRef: Ref.optional().describe(
    "A Secret of type steelyard.dev/user-data in the same namespace; key networkData (netplan v2).",
  ),
  hostname: z.string().min(1).max(253).optional().describe("Default: the Machine's name."),
  kernelArgs: z
    .array(z.string().max(256))
    .max(32)
    .optional()
    .describe("Handed to the kernel by cloud-init, from the second boot on, e.g. console=ttyS0."),
  method: z
    .enum(["Disk", "Memory"])
    .default("Disk")
    .describe("Disk: write the image. Memory: run a netboot image, touch no disk."),
  kexec: z.boolean().optional().describe("Start the system without a firmware boot."),
  power: z
    .enum(["On", "Off"])
    .optional()
    .describe("Kept so once deployed. Not given: power is reported, never changed."),
});
export type Deploy = z.output<typeof Deploy>;

/** How to find the disk that the system goes to; all that is given must match. */
export const RootDevice = z
  .object({
    deviceName: z.string().max(256).optional().describe("e.g. /dev/disk/by-path/…, or /dev/sda."),
    wwn: z.string().max(128).optional().describe("World Wide Name, as lsblk prints it."),
    serialNumber: z.string().max(128).optional().describe("The drive's serial number."),
    model: z.string().max(128).optional().describe("The drive's model."),
    minSizeGiB: z.int().min(1).optional().describe("At least so large."),
    rotational: z.boolean().optional().describe("true: a disk that rotates; false: flash."),
  })
  .describe("Default: the smallest local disk that the image fits on.");
export type RootDevice = z.output<typeof RootDevice>;
