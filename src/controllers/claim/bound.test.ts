import { describe, expect, it } from "vitest";
import type { Machine } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { FailureReason } from "#base/failure.ts";
import { setConditions, standing } from "#kube/conditions.ts";
import type { Phase } from "#lifecycle/table.ts";
import { standingOf } from "./bound.ts";

const claim = {
  metadata: { name: "db-1", namespace: "team-a" },
  spec: { deploy: { imageRef: { name: "debian-12" } } },
} as unknown as MachineClaim;

const machine = (reason: Phase) =>
  ({
    metadata: { name: "m1", namespace: "hardware" },
    spec: {},
    status: {
      image: "debian-12",
      conditions: setConditions(undefined, standing({ ready: true, reason, message: "So." }), 0),
    },
  }) as unknown as Machine;

/** Held up as the machine says it. */
const heldUp = (reason: FailureReason, message: string) => {
  const conditions = setConditions(undefined, standing({ stalled: true, reason, message }), 0);
  return { ...machine("Allocated"), status: { conditions } } as unknown as Machine;
};

describe("a claim whose machine is held up", () => {
  it.each<[FailureReason, string]>([
    ["SecretNotFound", 'There is no Secret "seed" in namespace "team-a": create it.'],
    ["SecretForbidden", 'The operator may not read Secrets in namespace "team-a": bind the role.'],
    ["ImageNotFound", 'There is no OSImage "debian-12": apply it, or name another.'],
    ["ImageUnsuitable", 'OSImage "debian-12" has no artifact for arm64: name another image.'],
    [
      "DeployUnsupported",
      'OSImage "debian-12": format qcow2 is not supported yet: name a raw image.',
    ],
    ["KernelArgsUnsupported", 'OSImage "debian-12" reads ignition: put them into the image.'],
  ])("says as the machine does what of its own is in the way: %s", (reason, message) => {
    expect(standingOf(claim, heldUp(reason, message))).toEqual({
      stalled: true,
      reason,
      message: `Machine hardware/m1 is held up: ${message}`,
    });
  });

  it.each<[FailureReason, string]>([
    ["SecretNotFound", 'There is no Secret "bmc-m1" in namespace "hardware": create it.'],
    ["SecretNotFound", "Secret hardware/bmc-m1 needs the keys username and password."],
    ["SecretNotFound", 'Secret "bmc-m1" lacks ca.crt.'],
    ["BmcUnreachable", "connect ECONNREFUSED 10.9.0.1:443 bmc-m1"],
    ["IdentityChanged", "The BMC at redfish://10.9.0.1 answers for bmc-m1."],
  ])("does not say what is for who runs the machine: %s, %s", (reason, message) => {
    const told = standingOf(claim, heldUp(reason, message));
    expect(told).toMatchObject({ stalled: true, reason });
    expect(told.message).toMatch(/^Machine hardware\/m1 is held up: .{20}/);
    expect(told.message).not.toMatch(/bmc-m1|"hardware"|10\.9\.0\.1/);
  });
});

describe("a claim whose machine is Ready", () => {
  it("is Ready where that runs its system", () => {
    expect(standingOf(claim, machine("Deployed"))).toMatchObject({ ready: true });
  });

  it.each<Phase>(["Rescue", "Broken", "Retired"])(
    "waits where the machine is ready for nobody: it is in %s as was wanted",
    (phase) => {
      expect(standingOf(claim, machine(phase))).toEqual({
        reconciling: true,
        reason: phase,
        message: "Machine hardware/m1 was taken out of use by who runs it: So.",
      });
    },
  );
});
