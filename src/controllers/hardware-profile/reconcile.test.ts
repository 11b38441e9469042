import { describe, expect, it } from "vitest";
import type { HardwareProfile } from "#api/hardware-profile.ts";
import type { Machine } from "#api/machine.ts";
import { hasProfile, profileOf, profileStatus } from "./reconcile.ts";

const profile = (match?: object, name = "r760") =>
  ({
    metadata: { name, generation: 3 },
    spec: { ...(match && { match }), kexec: false },
  }) as unknown as HardwareProfile;

const machine = (profileRef?: string, hardware: object = {}) =>
  ({
    spec: { ...(profileRef && { profileRef: { name: profileRef } }) },
    status: { hardware },
  }) as unknown as Machine;

const DELL = { vendor: "Dell Inc.", model: "PowerEdge R760" };
const dell = { manufacturer: "DELL INC.", model: "poweredge r760" };

describe("a machine has a profile", () => {
  it.each([
    { what: "that it names", match: undefined, machine: machine("r760"), has: true },
    {
      what: "that it names, whatever it matches",
      match: DELL,
      machine: machine("r760"),
      has: true,
    },
    {
      what: "that matches it, in any case",
      match: DELL,
      machine: machine(undefined, dell),
      has: true,
    },
    {
      what: "that matches it by the vendor alone",
      match: { vendor: "Dell Inc." },
      machine: machine(undefined, dell),
      has: true,
    },
    {
      what: "not where it names another",
      match: DELL,
      machine: machine("other", dell),
      has: false,
    },
    { what: "not where its model is unknown", match: DELL, machine: machine(), has: false },
    {
      what: "not where the profile matches none",
      match: undefined,
      machine: machine(undefined, dell),
      has: false,
    },
  ])("$what", ({ match, machine, has }) => {
    expect(hasProfile(machine, profile(match))).toBe(has);
  });
});

describe("of two profiles that match a machine", () => {
  const all = [profile({ vendor: "Dell Inc." }, "z-all"), profile(DELL, "a-r760")];

  it("the first by name is the machine's, in whatever order they come", () => {
    const names = [all, all.toReversed()].map(
      (each) => profileOf(machine(undefined, dell), each)?.metadata.name,
    );
    expect(names).toEqual(["a-r760", "a-r760"]);
  });

  it("the one that it names is, nevertheless", () => {
    expect(profileOf(machine("z-all", dell), all)?.metadata.name).toBe("z-all");
  });

  it("one alone counts it", () => {
    const counts = all.map(
      (one) => profileStatus(one, all, [machine(undefined, dell)], 0).machines,
    );
    expect(counts).toEqual([0, 1]);
  });
});

describe("a profile's status", () => {
  it("says that it was seen, and how many machines have it", () => {
    const machines = [machine("r760"), machine(undefined, dell), machine("other")];
    const {
      observedGeneration,
      machines: count,
      conditions,
    } = profileStatus(profile(DELL), [profile(DELL)], machines, 0);
    expect({ observedGeneration, count }).toEqual({ observedGeneration: 3, count: 2 });
    expect(conditions?.map(({ type, status }) => `${type}=${status}`)).toEqual([
      "Ready=True",
      "Reconciling=False",
      "Stalled=False",
    ]);
  });
});
