import { z } from "zod";
import type { KubeObject } from "#base/object.ts";
import { conditions, ObservedGeneration } from "./condition.ts";
import { Digest, Ref } from "./reference.ts";

/** What "Deployed" means: who says that the system is up. */
export const READINESS = ["PhoneHome", "Node", "Port", "AgentDone"] as const;
export const ARCHITECTURES = ["amd64", "arm64"] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** What is written, with nothing left open. */
export const Artifact = z.object({
  architecture: z.enum(ARCHITECTURES).describe("Of the machines that can run it."),
  format: z
    .enum(["raw", "qcow2", "rootfs-tar", "squashfs", "netboot"])
    .describe("What the file is."),
  compression: z
    .enum(["none", "gzip", "zstd", "xz"])
    .default("none")
    .describe("How the file is compressed."),
  url: z
    .string()
    .max(2_048)
    .regex(/^(https?|oci):\/\/[^\s]+$/)
    .describe("http, https or oci."),
  digest: Digest.describe("Of the file behind the URL, as it is: compressed if it is compressed."),
  sizeBytes: z.int().min(1).optional().describe("Of what is written, uncompressed."),
  sectorSize: z
    .int()
    .min(512)
    .max(65_536)
    .default(512)
    .describe("The sector size it was made for."),
});
export type Artifact = z.output<typeof Artifact>;

/** The same as a person writes it: what a list holds has no defaults (see `structural.ts`). */
const WrittenArtifact = Artifact.extend({
  compression: Artifact.shape.compression
    .unwrap()
    .optional()
    .describe("How the file is compressed. Not given: none."),
  sectorSize: Artifact.shape.sectorSize
    .unwrap()
    .optional()
    .describe("The sector size it was made for. Not given: 512."),
});

/** An artifact of an image, with what was not given filled in. */
export const resolved = (written: OSImageSpec["artifacts"][number]): Artifact => ({
  ...written,
  compression: written.compression ?? "none",
  sectorSize: written.sectorSize ?? 512,
});

export const OSImageSpec = z
  .object({
    artifacts: z
      .array(WrittenArtifact)
      .min(1)
      .max(4)
      .describe("One for each architecture.")
      .meta({
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["architecture"],
      }),
    pullSecretRef: Ref.extend({
      namespace: z.string().min(1).max(63).describe("The Secret's namespace."),
    })
      .optional()
      .describe("A Secret of type kubernetes.io/basic-auth for the server behind the URL."),
    os: z
      .object({
        name: z.string().max(63).describe("e.g. debian."),
        version: z.string().max(63).optional().describe("e.g. 12."),
      })
      .optional()
      .describe("For people, e.g. debian 12."),
    userDataFormat: z
      .enum(["cloud-init", "ignition", "talos", "none"])
      .default("cloud-init")
      .describe("What reads the user data."),
    readiness: z.enum(READINESS).default("PhoneHome").describe('What "Deployed" means.'),
    minDiskGiB: z.int().min(1).optional().describe("The smallest disk that it fits on."),
    lifecycle: z
      .enum(["Preview", "Supported", "Deprecated"])
      .default("Supported")
      .describe("For people: whether to use it."),
  })
  .meta({
    "x-kubernetes-validations": [
      {
        rule: "self.artifacts == oldSelf.artifacts",
        message: "artifacts are immutable, machines may be running them: make another OSImage",
      },
    ],
  });

export const OSImageStatus = z
  .object({
    observedGeneration: ObservedGeneration,
    cachedOn: z.array(z.string().max(253)).max(256).optional().describe("Racks that hold it."),
    usedBy: z.int().min(0).optional().describe("How many machines it was applied to."),
    conditions: conditions(),
  })
  .default({ observedGeneration: -1 });

export type OSImageSpec = z.output<typeof OSImageSpec>;
export type OSImageStatus = z.output<typeof OSImageStatus>;
export type OSImage = KubeObject<OSImageSpec, OSImageStatus>;
