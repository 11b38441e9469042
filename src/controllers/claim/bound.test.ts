import { describe, expect, it } from "vitest";
import type { Machine } from "#api/machine.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
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
