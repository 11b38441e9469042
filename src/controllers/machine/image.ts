import type { Deploy } from "#api/deploy.ts";
import type { MachineHardware } from "#api/machine-facts.ts";
import { type Artifact, type OSImage, resolved } from "#api/os-image.ts";
import { largestDisk } from "#placement/disks.ts";
import type { Trouble } from "./gather.ts";

/** The artifact to write, or why there is none; `none`: nobody asks for an image. */
export type Suitable =
  | { readonly artifact: Artifact; readonly image: OSImage }
  | { readonly trouble: Trouble }
  | { readonly none: true };

/** Chooses the artifact of an image for a machine. */
export function suitable(
  deploy: Deploy | undefined,
  image: OSImage | undefined,
  hardware: MachineHardware | undefined,
): Suitable {
  if (deploy === undefined) return { none: true };
  const { name } = deploy.imageRef;
  if (image === undefined) {
    return wrong("ImageNotFound", `There is no OSImage "${name}": apply it, or name another.`);
  }
  const architecture = hardware?.architecture ?? "amd64";
  const written = image.spec.artifacts.find((one) => one.architecture === architecture);
  if (written === undefined) {
    return wrong(
      "ImageUnsuitable",
      `OSImage "${name}" has no artifact for ${architecture}: name another image, or one that has it.`,
    );
  }
  const { minDiskGiB = 0 } = image.spec;
  // Disks that nobody has looked at yet may do.
  if (hardware?.drives !== undefined && largestDisk(hardware) < minDiskGiB) {
    return wrong(
      "ImageUnsuitable",
      `OSImage "${name}" needs a disk of ${minDiskGiB} GiB, the largest has ${largestDisk(hardware)}: name another image, or use another machine.`,
    );
  }
  const artifact = resolved(written);
  const trouble = unsupported(deploy, artifact, image);
  return trouble === null ? { artifact, image } : { trouble };
}

/** What the API can say and no agent can do yet. To say so is better than to do half of it. */
function unsupported(
  deploy: Deploy,
  artifact: Artifact,
  { metadata, spec }: OSImage,
): Trouble | null {
  const { readiness, userDataFormat } = spec;
  const named = `OSImage "${metadata.name}"`;
  const late = (what: string, instead: string): Trouble => ({
    reason: "DeployUnsupported",
    message: `${named}: ${what} is not supported yet: ${instead}.`,
  });
  if (deploy.method === "Memory") return late("spec.deploy.method Memory", "use Disk");
  if (deploy.kexec === true) return late("spec.deploy.kexec", "leave it out");
  if (artifact.format !== "raw") return late(`format ${artifact.format}`, "name a raw image");
  if (readiness === "Node" || readiness === "Port") {
    return late(`readiness ${readiness}`, "name an image with PhoneHome or AgentDone");
  }
  if ((deploy.kernelArgs ?? []).length === 0 || userDataFormat === "cloud-init") return null;
  return {
    reason: "KernelArgsUnsupported",
    message: `${named} reads ${userDataFormat}, and kernelArgs are handed over by cloud-init: put them into the image.`,
  };
}

const wrong = (reason: Trouble["reason"], message: string): Suitable => ({
  trouble: { reason, message },
});
