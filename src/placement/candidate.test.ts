import { describe, expect, it } from "vitest";
import type { Machine } from "#api/machine.ts";
import { type Availability, candidateOf } from "./candidate.ts";

type Given = {
  readonly metadata?: object;
  readonly spec?: object;
  readonly status?: object;
  readonly claimed?: boolean;
};

/** Inventoried, erased, looked at as it is now; each case says only in what it differs. */
function availability({ metadata, spec, status, claimed = false }: Given): Availability {
  const machine = {
    metadata: { name: "m", namespace: "lab", uid: "u", generation: 2, ...metadata },
    spec: { zoneRef: { name: "a" }, mode: "Active", paused: false, ...spec },
    status: {
      observedGeneration: 2,
      hardware: { architecture: "amd64" },
      applied: { disk: "Erased" },
      conditions: [{ type: "Ready", status: "True" }],
      ...status,
    },
  } as unknown as Machine;
  return candidateOf(machine, { claimed, profile: undefined }).availability;
}

const stalled = [
  { type: "Ready", status: "False" },
  { type: "Stalled", status: "True" },
];

describe("a machine is", () => {
  it.each<{ what: Availability; when: string; given: Given }>([
    { what: "free", when: "erased and nobody's", given: {} },
    { what: "held", when: "a claim has it", given: { claimed: true } },
    { what: "held", when: "its spec says what runs", given: { spec: { deploy: {} } } },
    {
      what: "held",
      when: "an image is on it, whoever asked for it",
      given: { status: { applied: { disk: "Written", imageDigest: "sha256:1" } } },
    },
    { what: "paused", when: "hands are off", given: { spec: { paused: true } } },
    { what: "cordoned", when: "a person says so", given: { spec: { mode: "Cordoned" } } },
    { what: "outOfService", when: "it is retired", given: { spec: { mode: "Retired" } } },
    { what: "outOfService", when: "it is rescued", given: { spec: { mode: "Rescue" } } },
    {
      what: "deleting",
      when: "its object goes",
      given: { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } },
    },
    {
      what: "stalled",
      when: "it was given up, or is somebody's double",
      given: { status: { conditions: stalled } },
    },
    { what: "notReady", when: "nobody knows its disks", given: { status: { applied: {} } } },
    {
      what: "notReady",
      when: "an earlier Machine of that name says that it is erased",
      given: { status: { applied: { disk: "Erased", task: "m-0ddba11s-erase-3-1" } } },
    },
    {
      what: "notReady",
      when: "there is data on its disks",
      given: { status: { applied: { disk: "Foreign" } } },
    },
    {
      what: "notReady",
      when: "it was edited, and not looked at since",
      given: { metadata: { generation: 3 } },
    },
    { what: "notReady", when: "its status was lost", given: { status: { conditions: [] } } },
  ])("$what when $when", ({ what, given }) => {
    expect(availability(given)).toBe(what);
  });
});
