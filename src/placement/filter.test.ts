import { describe, expect, it } from "vitest";
import type { MachineClaimSpec } from "#api/machine-claim.ts";
import { candidate, request } from "#test/fakes/placement.ts";
import type { Candidate } from "./candidate.ts";
import { filter, type Reason } from "./filter.ts";
import type { Request } from "./request.ts";

type Given = Partial<MachineClaimSpec>;
const needs = (requirements: NonNullable<Given["requirements"]>): Given => ({ requirements });
const image = { architectures: ["amd64"], minDiskGiB: 0 };
const taint = { key: "gone", value: "soon", effect: "NoClaim" } as const;

interface Case {
  readonly claim?: Given;
  readonly asks?: Partial<Request>;
  readonly machine?: Partial<Candidate>;
  readonly gives: Reason | null;
}

/** A claim that asks for nothing and a machine that is free, but for what the case says. */
const CASES: Readonly<Record<string, Case>> = {
  "gives what is free to who asks for nothing": { gives: null },
  "keeps a zone's machines from namespaces that it does not let in": {
    asks: { zones: new Set(["b"]) },
    gives: "ZoneNotOpen",
  },
  "looks for the wanted zone": { claim: needs({ zones: ["b"] }), gives: "WrongZone" },
  "takes any of the wanted zones": { claim: needs({ zones: ["b", "a"] }), gives: null },
  "shuns a zone": { claim: needs({ notZones: ["a"] }), gives: "WrongZone" },
  "looks for the wanted rack": { claim: needs({ racks: ["r2"] }), gives: "WrongRack" },
  "does not take a machine of which nobody said the rack for one in it": {
    claim: needs({ racks: ["r2"] }),
    machine: { rack: undefined },
    gives: "WrongRack",
  },
  "shuns a rack": { claim: needs({ notRacks: ["r1"] }), gives: "WrongRack" },
  "compares labels": {
    claim: { selector: { matchLabels: { tier: "gold" } } },
    machine: { labels: { tier: "iron" } },
    gives: "LabelsDiffer",
  },
  "understands expressions": {
    claim: {
      selector: {
        matchExpressions: [
          { key: "tier", operator: "In", values: ["gold"] },
          { key: "old", operator: "DoesNotExist" },
          { key: "tier", operator: "Exists" },
          { key: "maker", operator: "NotIn", values: ["x"] },
        ],
      },
    },
    machine: { labels: { tier: "gold" } },
    gives: null,
  },
  "looks for the wanted profile": { claim: needs({ profiles: ["big"] }), gives: "WrongProfile" },
  "gives nothing of which it is unknown what it is": {
    machine: { hardware: { architecture: undefined } },
    gives: "NotInventoried",
  },
  "compares architectures": {
    claim: needs({ architecture: "arm64" }),
    gives: "WrongArchitecture",
  },
  "compares firmware": { claim: needs({ firmware: "Legacy" }), gives: "WrongFirmware" },
  "compares models": { claim: needs({ model: "ProLiant" }), gives: "WrongModel" },
  "compares makers in any case": { claim: needs({ manufacturer: "DELL INC." }), gives: null },
  "counts CPUs": { claim: needs({ minCPUs: 17 }), gives: "LacksCPU" },
  "is content with just enough CPUs": { claim: needs({ minCPUs: 16 }), gives: null },
  "weighs memory": { claim: needs({ minMemoryGiB: 65 * 2 }), gives: "LacksMemory" },
  "forgives the memory that firmware keeps for itself": {
    claim: needs({ minMemoryGiB: 64 }),
    machine: { hardware: { memoryMiB: 64_300 } },
    gives: null,
  },
  "adds disks up": { claim: needs({ minDiskGiB: 1_001 }), gives: "LacksDisks" },
  "looks for each disk": {
    claim: needs({ disks: [{ count: 1, minSizeGiB: 501 }] }),
    gives: "LacksDisks",
  },
  "counts no disk twice": {
    claim: needs({ disks: [{ count: 2 }, { count: 1, type: "SSD" }] }),
    gives: "LacksDisks",
  },
  "does not take flash for a disk that rotates": {
    claim: needs({ disks: [{ count: 1, type: "HDD" }] }),
    gives: "LacksDisks",
  },
  "counts network interfaces": { claim: needs({ minNICs: 3 }), gives: "LacksNICs" },
  "looks for a fast link": { claim: needs({ minLinkMbps: 25_000 }), gives: "LacksLinkSpeed" },
  "takes an unknown link for none": {
    claim: needs({ minLinkMbps: 1 }),
    machine: { hardware: { maxLinkMbps: undefined } },
    gives: "LacksLinkSpeed",
  },
  "counts GPUs": { claim: needs({ minGPUs: 1 }), gives: "LacksGPUs" },
  "asks for an artifact of the machine's architecture": {
    asks: { image: { ...image, architectures: ["arm64"] } },
    gives: "NoImageForArchitecture",
  },
  "asks for a disk that the image fits on": {
    asks: { image: { ...image, minDiskGiB: 501 } },
    gives: "DiskTooSmallForImage",
  },
  "keeps claims from a taint that they do not bear": {
    machine: { taints: [taint] },
    gives: "Tainted",
  },
  "lets in who tolerates the taint": {
    claim: { tolerations: [{ key: "gone", operator: "Equal", value: "soon" }] },
    machine: { taints: [taint] },
    gives: null,
  },
  "keeps out who tolerates another value": {
    claim: { tolerations: [{ key: "gone", operator: "Equal", value: "never" }] },
    machine: { taints: [taint] },
    gives: "Tainted",
  },
  "keeps out who tolerates another effect": {
    claim: { tolerations: [{ operator: "Exists", effect: "NoExecute" }] },
    machine: { taints: [taint] },
    gives: "Tainted",
  },
  "leaves what is held": { machine: { availability: "held" }, gives: "Held" },
  "leaves what is cordoned": { machine: { availability: "cordoned" }, gives: "Cordoned" },
  "leaves what is out of service": {
    machine: { availability: "outOfService" },
    gives: "OutOfService",
  },
  "leaves what is paused": { machine: { availability: "paused" }, gives: "Paused" },
  "leaves what is stalled": { machine: { availability: "stalled" }, gives: "Stalled" },
  "leaves what is on its way": { machine: { availability: "notReady" }, gives: "NotReady" },
  "leaves what is going": { machine: { availability: "deleting" }, gives: "Deleting" },
  "says first what waiting would not help": {
    claim: needs({ minCPUs: 17 }),
    machine: { availability: "held" },
    gives: "LacksCPU",
  },
};

describe("the filter", () => {
  it.each(Object.entries(CASES))("%s", (_, { claim, asks, machine, gives }) => {
    expect(filter(candidate("m", machine), request("c", claim, asks))).toBe(gives);
  });
});
