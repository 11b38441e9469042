import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { CORE, KINDS, PROTECTED_LABEL } from "#api/group.ts";
import type { ObjectRef } from "#base/object.ts";
import { Caller, messageOf } from "./caller.ts";
import { type KindName, SMALLEST } from "./crd-rules.ts";
import { uniqueName, useCluster, useNamespace } from "./harness.ts";
import { install } from "./install.ts";

const admin = new Caller(useCluster());
const namespace = useNamespace("admission");
const soon = (): AbortSignal => AbortSignal.timeout(60_000);

beforeAll(async () => {
  await (await install(useCluster(), soon()))[Symbol.asyncDispose]();
  const guarded = await newNamespace({ [PROTECTED_LABEL]: "true" });
  // The API server hears of a new policy a moment later.
  await vi.waitFor(
    async () => {
      const tried = await admin.delete(CORE.namespace, guarded, "?dryRun=All");
      expect(tried.status).toBe(403);
    },
    { timeout: 30_000, interval: 100 },
  );
});

const made: { readonly kind: KindName; readonly at: ObjectRef }[] = [];
afterAll(async () => {
  for (const { kind, at } of made.filter(({ kind }) => !KINDS[kind].namespaced)) {
    await admin.patchStatus(KINDS[kind], at, { machines: 0, usedBy: 0 });
    await admin.delete(KINDS[kind], at);
  }
  for (const { kind, at } of made.filter(({ kind }) => KINDS[kind].namespaced)) {
    await admin.patch(KINDS[kind], at, { spec: { paused: true, protected: false } });
  }
});

async function newNamespace(labels: object): Promise<ObjectRef> {
  const at = { name: uniqueName("admission") };
  expect((await admin.create(CORE.namespace, { ...at, labels }, {})).status).toBe(201);
  return at;
}

interface Has {
  readonly spec?: object;
  readonly status?: object;
}

async function make(kind: KindName, { spec, status }: Has, where = namespace): Promise<ObjectRef> {
  const name = uniqueName("o");
  const at = KINDS[kind].namespaced ? { namespace: where, name } : { name };
  made.push({ kind, at });
  const whole = { ...SMALLEST[kind], ...spec };
  const created = await admin.create(KINDS[kind], at, { spec: whole });
  expect(created.status, created.body).toBe(201);
  if (status !== undefined) {
    const stored = await admin.patchStatus(KINDS[kind], at, status);
    expect(stored.status, stored.body).toBe(200);
  }
  return at;
}

const claimRef = { namespace: "team", name: "web", uid: "1" };
const applied = { imageDigest: `sha256:${"0".repeat(64)}` };
const deploy = { imageRef: { name: "debian" } };

interface Case extends Has {
  readonly kind: KindName;
  readonly what: string;
  /** What the person is told to do. */
  readonly says: string;
}

const REFUSED: readonly Case[] = [
  {
    ...{ kind: "machine", what: "a claimed Machine", status: { claimRef, applied } },
    says: "held by the MachineClaim web: delete the claim and wait until the Machine is Ready",
  },
  {
    ...{ kind: "machine", what: "a Machine with spec.deploy", spec: { deploy } },
    says: "take it away and wait until the Machine is Ready",
  },
  {
    ...{ kind: "machine", what: "a Machine that was not erased", status: { applied } },
    says: "change spec.nonces.release to order it",
  },
  {
    ...{ kind: "machine", what: "a protected Machine, though paused" },
    spec: { protected: true, paused: true },
    says: "spec.protected is set: set it to false first",
  },
  {
    ...{ kind: "zone", what: "a Zone with Machines", status: { machines: 12 } },
    says: "the Zone has 12 Machines: delete them first",
  },
  {
    ...{ kind: "osImage", what: "an OSImage that is used", status: { usedBy: 3 } },
    says: "3 Machines run it: set spec.lifecycle: Deprecated",
  },
  {
    ...{ kind: "machineClaim", what: "a protected MachineClaim", spec: { protected: true } },
    says: "spec.protected is set: set it to false first",
  },
  {
    ...{ kind: "machinePool", what: "a protected MachinePool", spec: { protected: true } },
    says: "spec.protected is set: set it to false first",
  },
];

const ACCEPTED: readonly Omit<Case, "says">[] = [
  { kind: "machine", what: "a Machine that nobody holds", status: { applied: { disk: "Erased" } } },
  {
    ...{ kind: "machine", what: "a Machine in use that is paused" },
    ...{ spec: { paused: true }, status: { claimRef, applied } },
  },
  { kind: "zone", what: "an empty Zone", status: { machines: 0 } },
  { kind: "osImage", what: "an OSImage that nobody uses", status: { usedBy: 0 } },
  {
    ...{ kind: "machineClaim", what: "a bound MachineClaim: it is the order to release" },
    status: { machineRef: { namespace: "hardware", name: "m", uid: "1", zone: "a" } },
  },
  { kind: "machinePool", what: "a MachinePool with claims", status: { replicas: 3 } },
];

describe("each policy", () => {
  it("is bound, and names no field that is not there", async () => {
    const policies = await listed("validatingadmissionpolicies");
    const ours = policies.filter(({ metadata }) => metadata.name.endsWith(".steelyard.dev"));
    expect(ours.length).toBeGreaterThanOrEqual(12);
    const bindings = await listed("validatingadmissionpolicybindings");
    for (const { metadata } of ours) {
      const { name } = metadata;
      expect(bindings.some(({ spec }) => spec.policyName === name)).toBe(true);
      const checked = async () => (await typeChecking(name)) ?? "not checked yet";
      await expect.poll(checked, { timeout: 30_000 }).toEqual({});
    }
  });

  const POLICY = { group: "admissionregistration.k8s.io", version: "v1", namespaced: false };

  interface Policy {
    readonly metadata: ObjectRef;
    readonly spec: { readonly policyName?: string };
  }

  async function listed(plural: string): Promise<readonly Policy[]> {
    const { body } = await admin.get({ ...POLICY, kind: "", plural }, {});
    return (JSON.parse(body) as { items: Policy[] }).items;
  }

  /** What the controller-manager finds when it holds the expressions against the CRDs' schemas. */
  async function typeChecking(name: string): Promise<object | undefined> {
    const plural = "validatingadmissionpolicies";
    const { body } = await admin.get({ ...POLICY, kind: "", plural }, { name });
    return (JSON.parse(body) as { status?: { typeChecking?: object } }).status?.typeChecking;
  }
});

describe("DELETE", () => {
  it.each(REFUSED)("of $what is refused, to the admin too", async ({ kind, says, ...has }) => {
    const at = await make(kind, has);
    const answer = await admin.delete(KINDS[kind], at);
    expect(answer.status, answer.body).toBe(403);
    expect(messageOf(answer)).toContain(says);
    expect((await admin.get(KINDS[kind], at)).body).not.toContain("deletionTimestamp");
  });

  it.each(ACCEPTED)("of $what is accepted", async ({ kind, ...has }) => {
    const answer = await admin.delete(KINDS[kind], await make(kind, has));
    expect(answer.status, answer.body).toBe(200);
  });

  it("of all Machines at once spares those in use", async () => {
    const { name: where } = await newNamespace({});
    const kept = await make("machine", { status: { claimRef } }, where);
    const answer = await admin.delete(KINDS.machine, { namespace: where });
    expect(answer.status, answer.body).toBe(403);
    expect((await admin.get(KINDS.machine, kept)).status).toBe(200);
  });
});

describe("the DELETE of a namespace", () => {
  it("is refused while it is protected, and accepted when the label is taken away", async () => {
    const at = await newNamespace({ [PROTECTED_LABEL]: "true" });
    const refused = await admin.delete(CORE.namespace, at);
    expect(refused.status).toBe(403);
    expect(messageOf(refused)).toContain(`kubectl label namespace ${at.name} ${PROTECTED_LABEL}-`);
    await admin.patch(CORE.namespace, at, { metadata: { labels: { [PROTECTED_LABEL]: null } } });
    expect((await admin.delete(CORE.namespace, at)).status).toBe(200);
  });

  it("leaves a Machine in use where it is and says so, until the Machine is paused", async () => {
    const at = await newNamespace({});
    const machine = await make("machine", { status: { claimRef, applied } }, at.name);
    expect((await admin.delete(CORE.namespace, at)).status).toBe(200);
    const told = async (): Promise<string> => (await admin.get(CORE.namespace, at)).body;
    await expect.poll(told, { timeout: 60_000 }).toContain("held by the MachineClaim web");
    const there = await admin.get(KINDS.machine, machine);
    expect(there.body).not.toContain("deletionTimestamp");

    await admin.patch(KINDS.machine, machine, { spec: { paused: true } });
    const gone = async (): Promise<number> => (await admin.get(KINDS.machine, machine)).status;
    await expect.poll(gone, { timeout: 60_000, interval: 500 }).toBe(404);
  });
});
