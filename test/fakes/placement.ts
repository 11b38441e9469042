/** Machines and claims as placement sees them; each case says only in what they differ. */
import type { MachineClaimSpec } from "#api/machine-claim.ts";
import type { Candidate } from "#placement/candidate.ts";
import type { Request } from "#placement/request.ts";

/** A free server of 16 CPUs and 64 GiB in zone a. */
export const candidate = (
  name: string,
  { hardware, ...given }: Partial<Candidate> = {},
): Candidate => ({
  uid: `uid-${name}`,
  key: `lab/${name}`,
  zone: "a",
  rack: "r1",
  labels: {},
  taints: [],
  profile: undefined,
  availability: "free",
  warm: false,
  ...given,
  hardware: {
    manufacturer: "Dell Inc.",
    model: "PowerEdge R650",
    architecture: "amd64",
    firmware: "UEFI",
    cpus: 16,
    memoryMiB: 65_536,
    disks: 2,
    diskGiB: 1_000,
    drives: [{ type: "SSD", sizeGiB: 500, count: 2 }],
    nics: 2,
    maxLinkMbps: 10_000,
    gpus: 0,
    ...hardware,
  },
});

export const request = (
  name: string,
  spec: Partial<MachineClaimSpec> = {},
  given: Partial<Request> = {},
): Request => ({
  uid: `uid-${name}`,
  key: `shop/${name}`,
  namespace: "shop",
  labels: {},
  priority: spec.priority ?? 0,
  createdAt: "2026-01-01T00:00:00Z",
  spec: { adoptBound: false, priority: 0, updateStrategy: "OnDelete", protected: false, ...spec },
  need: spec.requirements ?? {},
  zones: new Set(["a", "b", "c"]),
  image: null,
  ...given,
});
