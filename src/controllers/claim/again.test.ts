import { describe, expect, it } from "vitest";
import type { Machine } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import { type MachineRecord, writeRecord } from "#api/record.ts";
import { mayBindAgain, untouchedBy } from "./again.ts";

/** It held m1, untouched, at epoch 4. */
const claim = (status: object = {}) =>
  ({
    metadata: { namespace: "shop", name: "c", uid: "claim-uid" },
    status: {
      machineRef: { namespace: "lab", name: "m1", uid: "m1-uid-m1-uid" },
      untouched: { epoch: 4, release: "1" },
      ...status,
    },
  }) as unknown as MachineClaim;

interface Given {
  readonly metadata?: object;
  readonly spec?: object;
  readonly status?: object;
  readonly applied?: object;
}

/** Looked at anew since, and Ready; each case says only in what it differs. */
const machine = ({ metadata, spec, status, applied }: Given = {}) =>
  ({
    metadata: { namespace: "lab", name: "m1", uid: "m1-uid-m1-uid", generation: 2, ...metadata },
    spec: { zoneRef: { name: "a" }, mode: "Active", paused: false, ...spec },
    status: {
      observedGeneration: 2,
      epoch: 5,
      hardware: { architecture: "amd64" },
      applied: {
        disk: "Erased",
        task: "m1-m1-uid-m-commission-5-1",
        nonces: { release: "1" },
        ...applied,
      },
      conditions: [{ type: "Ready", status: "True" }],
      ...status,
    },
  }) as unknown as Machine;

const record = (claimRef: MachineRecord["claimRef"]) => ({
  annotations: { "steelyard.dev/record": writeRecord({ observedGeneration: 1, claimRef }) },
});

describe("a claim whose machine forgot it", () => {
  it("has it again after the look that the loss costs", () => {
    expect(mayBindAgain(claim(), machine())).toBe(true);
  });

  it("has it again when that look took a second attempt", () => {
    const applied = { task: "m1-m1-uid-m-commission-5-2" };
    expect(mayBindAgain(claim(), machine({ applied }))).toBe(true);
  });

  it.each<{ what: string; status?: object; given?: Given }>([
    { what: "something was written for it", status: { untouched: undefined } },
    { what: "it never held one", status: { machineRef: undefined } },
    { what: "it was made anew", given: { metadata: { uid: "m1-uid-another" } } },
    { what: "another claim holds it", given: { status: { claimRef: { uid: "x" } } } },
    {
      what: "the record says that another claim holds it",
      given: {
        metadata: record({ namespace: "shop", name: "heir", uid: "x" }),
        status: { observedGeneration: -1 },
      },
    },
    { what: "a system is on it", given: { applied: { imageDigest: "sha256:0" } } },
    { what: "its disks are half written", given: { applied: { disk: "Partial" } } },
    { what: "there is somebody's data", given: { applied: { disk: "Foreign" } } },
    { what: "its release was asked for", given: { applied: { nonces: { release: "2" } } } },
    { what: "nobody looked at it since", given: { status: { epoch: 4 } } },
    {
      what: "it was erased since, or deployed, and looked at after that",
      given: { status: { epoch: 6 }, applied: { task: "m1-m1-uid-m-commission-6-1" } },
    },
    { what: "what was done is an erase", given: { applied: { task: "m1-m1-uid-m-erase-5-1" } } },
    { what: "what was done is a deploy", given: { applied: { task: "m1-m1-uid-m-deploy-5-1" } } },
    {
      what: "its epochs began anew, and it was erased",
      given: { status: { epoch: 2 }, applied: { task: "m1-m1-uid-m-erase-2-1" } },
    },
    { what: "it is not Ready", given: { status: { conditions: [] } } },
    { what: "it was edited since", given: { metadata: { generation: 3 } } },
    { what: "a person keeps it back", given: { spec: { mode: "Cordoned" } } },
    { what: "it is paused", given: { spec: { paused: true } } },
    { what: "its spec says what runs", given: { spec: { deploy: {} } } },
    { what: "it is being deleted", given: { metadata: { deletionTimestamp: "2026-01-01" } } },
  ])("does not have it again if $what", ({ status, given }) => {
    expect(mayBindAgain(claim(status), machine(given))).toBe(false);
  });
});

describe("what a claim writes down of an untouched machine", () => {
  it("is its epoch and the release that it answered", () => {
    expect(untouchedBy(machine())).toEqual({ epoch: 5, release: "1" });
  });

  it.each<{ what: string; given: Given }>([
    { what: "its deploy has begun", given: { applied: { imageDigest: "sha256:0" } } },
    { what: "nobody knows its disks", given: { applied: { disk: undefined } } },
    { what: "its status was lost", given: { status: { observedGeneration: -1 } } },
  ])("is nothing where $what", ({ given }) => {
    expect(untouchedBy(machine(given))).toBeUndefined();
  });
});
