import { describe, expect, it } from "vitest";
import { z } from "zod";
import { MachineSpec, MachineStatus } from "./machine.ts";
import { MachineTaskSpec, MachineTaskStatus, taskName } from "./machine-task.ts";
import { structural } from "./structural.ts";

describe("structural", () => {
  it("keeps types, bounds, defaults and descriptions, and drops noise", () => {
    expect(structural(MachineSpec)["properties"]).toMatchObject({
      zoneRef: { description: expect.any(String), "x-kubernetes-validations": [{}] },
      location: { properties: { position: { type: "integer", minimum: 0, maximum: 100 } } },
      mode: { type: "string", enum: expect.arrayContaining(["Broken"]), default: "Active" },
    });
    expect(JSON.stringify(structural(MachineTaskSpec))).not.toContain(`${Number.MAX_SAFE_INTEGER}`);
  });

  it("does not require what has a default", () => {
    expect(structural(MachineSpec)["required"]).toEqual(["zoneRef", "bmc", "boot"]);
  });

  it("keeps CEL rules, so that a task can never be changed", () => {
    expect(structural(MachineTaskSpec)["x-kubernetes-validations"]).toContainEqual({
      rule: "self == oldSelf",
      message: "a task is never changed: make another",
    });
  });

  it("has the API server refuse what comes too late, or from an old view", () => {
    const rules = (type: z.ZodType) => JSON.stringify(structural(type)["x-kubernetes-validations"]);
    expect(rules(MachineTaskStatus)).toContain("an ended task never changes");
    expect(rules(MachineStatus)).toContain("self.epoch >= oldSelf.epoch");
  });

  it("requires nothing of a status, and tells a lost one from an old one", () => {
    expect(structural(MachineStatus)["required"]).toBeUndefined();
    expect(structural(MachineStatus)["default"]).toEqual({ observedGeneration: -1 });
  });

  it("refuses a default within a list, which Argo CD would show as a difference to Git", () => {
    const list = z.object({ ports: z.array(z.object({ kind: z.string().default("TCP") })) });
    expect(() => structural(list)).toThrow("/ports[]/kind: what a list holds has no default");
  });

  it("refuses a union, and says where", () => {
    const union = z.object({ spec: z.object({ image: z.union([z.string(), z.int()]) }) });
    expect(() => structural(union)).toThrow('/spec/image: a CRD cannot say "anyOf"');
  });
});

describe("taskName", () => {
  const uid = "0f9c2d4e-1111-2222-3333-444455556666";
  it.each([
    { name: "m1", start: "m1-0f9c2d4e-" },
    { name: `${"a".repeat(39)}.example`, start: `${"a".repeat(39)}-0f9c2d4e-` },
  ])("of $name starts with $start", ({ name, start }) => {
    const spec = { machineRef: { name, uid }, type: "Deploy", epoch: 7, attempt: 2 } as const;
    expect(taskName(spec)).toBe(`${start}deploy-7-2`);
  });
});
