import { describe, expect, it } from "vitest";
import type { Deploy } from "#api/deploy.ts";
import type { Artifact, OSImage, OSImageSpec } from "#api/os-image.ts";
import { suitable } from "./image.ts";

const artifact = {
  ...{ architecture: "amd64", format: "raw", compression: "none" },
  ...{ url: "http://images/os", digest: `sha256:${"a".repeat(64)}`, sectorSize: 512 },
} satisfies Artifact;

const image = (spec: Partial<OSImageSpec> = {}): OSImage => ({
  metadata: { name: "debian", uid: "1", resourceVersion: "1" },
  spec: {
    artifacts: [artifact],
    ...{ userDataFormat: "cloud-init", readiness: "PhoneHome", lifecycle: "Supported" },
    ...spec,
  },
});

const deploy = (given: Partial<Deploy> = {}): Deploy => ({
  imageRef: { name: "debian" },
  method: "Disk",
  ...given,
});

const CASES: Readonly<
  Record<string, { deploy?: Deploy; image?: OSImage | undefined; reason: string; says: string }>
> = {
  "an image that is not there": { image: undefined, reason: "ImageNotFound", says: "apply it" },
  "no digest for the machine's architecture": {
    image: image({ artifacts: [{ ...artifact, architecture: "arm64" }] }),
    ...{ reason: "ImageUnsuitable", says: "no artifact for amd64: name another image" },
  },
  "method Memory": {
    deploy: deploy({ method: "Memory" }),
    ...{ reason: "DeployUnsupported", says: "use Disk" },
  },
  kexec: {
    deploy: deploy({ kexec: true }),
    ...{ reason: "DeployUnsupported", says: "leave it out" },
  },
  "a format that no agent can write": {
    image: image({ artifacts: [{ ...artifact, format: "qcow2" }] }),
    ...{ reason: "DeployUnsupported", says: "name a raw image" },
  },
  "readiness Node": {
    image: image({ readiness: "Node" }),
    ...{ reason: "DeployUnsupported", says: "PhoneHome or AgentDone" },
  },
  "readiness Port": {
    image: image({ readiness: "Port" }),
    ...{ reason: "DeployUnsupported", says: "PhoneHome or AgentDone" },
  },
  "kernelArgs for an image without cloud-init": {
    deploy: deploy({ kernelArgs: ["quiet"] }),
    image: image({ userDataFormat: "talos" }),
    ...{ reason: "KernelArgsUnsupported", says: "put them into the image" },
  },
};

describe("an image for a machine", () => {
  it("is the artifact of its architecture", () => {
    const arm = { ...artifact, architecture: "arm64" as const };
    const both = image({ artifacts: [artifact, arm] });
    expect(suitable(deploy(), both, { architecture: "arm64" })).toEqual({
      artifact: arm,
      image: both,
    });
  });

  it.each([
    ["none", "is larger than its largest disk", [{ type: "SSD", sizeGiB: 100, count: 8 }], 101],
    ["none", "needs a disk, and there is none", [], 1],
    [
      "the artifact",
      "just fits on its largest disk",
      [{ type: "SSD", sizeGiB: 100, count: 8 }],
      100,
    ],
    ["the artifact", "may be too large, and nobody knows the disks yet", undefined, 101],
  ] as const)("is %s where it %s", (which, _, drives, minDiskGiB) => {
    const hardware = drives === undefined ? {} : { drives: [...drives] };
    const found = suitable(deploy(), image({ minDiskGiB }), hardware);
    const told = "trouble" in found ? found.trouble : { reason: "fits", message: "" };
    expect(told.reason).toBe(which === "none" ? "ImageUnsuitable" : "fits");
    expect(told.message).toMatch(
      which === "none" ? /needs a disk of \d+ GiB, the largest has \d+/ : /^$/,
    );
  });

  it.each(Object.entries(CASES))("is none, and says what to do: %s", (_, given) => {
    const asked = given.deploy ?? deploy();
    const named = "image" in given ? given.image : image();
    const found = suitable(asked, named, undefined);
    expect(found).toMatchObject({ trouble: { reason: given.reason } });
    expect("trouble" in found && found.trouble.message).toContain(given.says);
  });
});
