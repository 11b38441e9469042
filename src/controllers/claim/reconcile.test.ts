import { describe, expect, it } from "vitest";
import { KINDS } from "#api/group.ts";
import type { MachineClaimSpec } from "#api/machine-claim.ts";
import { seconds } from "#base/duration.ts";
import { deployDebian } from "#test/fakes/room.ts";
import { Shop } from "#test/fakes/shop.ts";

const debian: Partial<MachineClaimSpec> = deployDebian;

/** A room with one machine that is Ready and nobody's. */
async function ready(): Promise<Shop> {
  const room = await Shop.with();
  await room.makeReady();
  return room;
}

/** A room in which claim c runs debian on m1. */
async function deployed(spec: Partial<MachineClaimSpec> = {}): Promise<Shop> {
  const room = await ready();
  await room.claim("c", { ...debian, ...spec });
  await room.carryOut();
  return room;
}

/** The Machine's claimRef, or who is there instead. */
const holderOf = async (room: Shop): Promise<string | undefined> =>
  (await room.machine()).status?.claimRef?.name;

describe("a claim's way", () => {
  it("leads from created to Ready, and says which machine it is", async () => {
    const room = await ready();
    await room.claim("c", debian);
    expect(await room.stands("Bound")).toBe("True Bound");
    expect(await room.stands("Reconciling")).toBe("True Deploying");
    await room.carryOut();

    const { metadata, status } = await room.claimed("c");
    const machine = await room.machine();
    expect(metadata.finalizers).toEqual(["steelyard.dev/release"]);
    expect(status).toMatchObject({
      machineRef: { namespace: "lab", name: "m1", uid: machine.metadata.uid, zone: "a" },
      providerID: `steelyard://${metadata.uid}`,
      image: "debian",
      addresses: [{ ip: "10.0.0.1" }],
    });
    expect(machine.status).toMatchObject({
      phase: "Deployed",
      claimRef: { namespace: "shop", name: "c", uid: metadata.uid },
      providerID: `steelyard://${metadata.uid}`,
    });
    expect(await room.stands("Ready")).toBe("True Bound");
    expect(await room.stands("UpToDate")).toBe("True UpToDate");
    expect(room.events).toContain("Bound");
  });

  it("writes its intent before it binds, and its status after", async () => {
    const room = await ready();
    const before = room.cluster.writes.length;
    await room.claim("c", debian);
    const told = room.cluster.writes
      .slice(before)
      .map(({ verb, resource, subresource = "" }) => `${verb} ${resource} ${subresource}`.trim());
    expect(told.slice(0, 4)).toEqual([
      "create machineclaims",
      "patch machineclaims", // the finalizer
      "patch machines status", // claimRef
      "patch machineclaims status",
    ]);
  });

  it("ends with an erased machine that is free again, and only then lets the object go", async () => {
    const room = await deployed();
    await room.deleteClaim("c");
    expect(await room.stands("Ready")).toBe("False Releasing");
    await room.pass(seconds(10));
    await room.pass(seconds(10));
    expect((await room.tasks()).at(-1)?.spec.type).toBe("Erase");
    expect(await holderOf(room)).toBe("c");
    await room.carryOut();
    const { status } = await room.machine();
    expect(status).toMatchObject({ phase: "Ready", applied: { disk: "Erased" } });
    expect(status).not.toHaveProperty("claimRef");
    expect(status).not.toHaveProperty("providerID");
    await expect(room.claimed("c")).rejects.toThrow("no MachineClaim");
  });

  it("is short if it is deleted before anything was written", async () => {
    const room = await ready();
    await room.claim("c", debian);
    await room.deleteClaim("c");
    await expect(room.claimed("c")).rejects.toThrow("no MachineClaim");
    expect((await room.machine()).status).toMatchObject({ phase: "Ready", boot: "Hold" });
    expect(await holderOf(room)).toBeUndefined();
  });

  it("rests at a held machine if it asks for no system", async () => {
    const room = await ready();
    await room.claim("c");
    await room.pass(seconds(3_600));
    expect((await room.machine()).status?.phase).toBe("Allocated");
    expect(await room.condition("Ready")).toBe("True Allocated");
    expect(await room.stands("Ready")).toBe("True Bound");
    expect(room.bmc.trace).toEqual(["boot network UEFI"]); // its commissioning
  });
});

describe("user data", () => {
  it("is read in the claim's namespace, and nowhere else", async () => {
    const room = await ready();
    await room.secret("seed", "steelyard.dev/user-data", { userData: "hello" });
    const deploy = { ...deployDebian.deploy, userDataSecretRef: { name: "seed" } };
    await room.claim("c", { deploy });
    expect(await room.condition("Stalled")).toBe("True SecretNotFound");
    expect(await room.stands("Stalled")).toBe("True SecretNotFound");
    expect(await room.says()).toContain(
      'There is no Secret "seed" in namespace "shop": create it.',
    );
    expect(await room.seeds()).toEqual([]);
  });

  it("must be of its own type", async () => {
    const room = await ready();
    await room.secret("seed", "Opaque", { userData: "hello" }, "shop");
    const deploy = { ...deployDebian.deploy, userDataSecretRef: { name: "seed" } };
    await room.claim("c", { deploy });
    expect(await room.stands("Stalled")).toBe("True SecretForbidden");
    expect(await room.says()).toContain('Secret "seed" in namespace "shop" has type Opaque');
    expect((await room.tasks()).map(({ spec }) => spec.type)).toEqual(["Commission"]);
  });

  it("travels to the zone with the task", async () => {
    const room = await ready();
    await room.secret("seed", "steelyard.dev/user-data", { userData: "hello" }, "shop");
    const deploy = { ...deployDebian.deploy, userDataSecretRef: { name: "seed" } };
    await room.claim("c", { deploy });
    expect(await room.seeds()).toHaveLength(1);
  });
});

describe("a claim that finds no machine", () => {
  it("says why, counting machines, and touches nothing", async () => {
    const room = await ready();
    const before = room.cluster.writes.length;
    await room.claim("c", { ...debian, requirements: { minCPUs: 1_000 } });
    expect(await room.stands("Stalled")).toBe("True NotPlaced");
    expect(await room.stands("Bound")).toBe("False NotPlaced");
    expect(await room.says()).toContain("0 of 1 machine fits: 1 lacks CPUs.");
    const written = room.cluster.writes.slice(before + 1).map(({ resource }) => resource);
    expect(new Set(written)).toEqual(new Set(["machineclaims"]));
    expect(room.events).toContain("NotPlaced");
    expect((await room.claimed("c")).metadata.finalizers).toBeUndefined();
  });

  it("waits for what is held, and gets it when it is free", async () => {
    const room = await ready();
    await room.claim("first");
    await room.claim("too-much", { requirements: { minCPUs: 1_000 }, priority: 9 });
    await room.claim("second");
    expect(await room.stands("Reconciling", "second")).toBe("True NotPlaced");
    expect(await room.says("second")).toBe(
      "0 of 1 machine fits: 1 is held. Number 1 of 1 that wait.",
    );
    await room.deleteClaim("first");
    expect(await room.stands("Bound", "second")).toBe("True Bound");
    expect(await holderOf(room)).toBe("second");
  });

  it("says that its image is not there before it takes a machine for it", async () => {
    const room = await ready();
    await room.claim("c", { deploy: { imageRef: { name: "gone" }, method: "Disk" } });
    expect(await room.stands("Stalled")).toBe("True ImageNotFound");
    expect(await holderOf(room)).toBeUndefined();
  });

  it.each([
    { mode: "Cordoned" },
    { mode: "Retired" },
    { mode: "Broken" },
    { paused: true },
    { taints: [{ key: "k", effect: "NoClaim" }] },
  ] as const)("leaves a machine alone with %o", async (spec) => {
    const room = await ready();
    await room.edit(spec);
    await room.claim("c", debian);
    expect(await room.stands("Bound")).toBe("False NotPlaced");
    expect(await holderOf(room)).toBeUndefined();
  });

  it("is let in by its zone's word alone", async () => {
    const room = await ready();
    await room.openZone({ names: ["others"] });
    await room.claim("c", debian);
    expect(await room.says()).toBe(
      "0 of 1 machine fits: 1 is in a zone not open to this namespace. Waiting does not help: who runs a zone opens it to this namespace by the Zone's spec.claimNamespaces.",
    );
    await room.openZone({ matchLabels: { tier: "gold" } });
    expect(await room.stands("Bound")).toBe("False NotPlaced");
    await room.labelNamespace({ tier: "gold" });
    expect(await room.stands("Bound")).toBe("True Bound");
  });
});

describe("requirements.profiles", () => {
  const wanting = { ...debian, requirements: { profiles: ["hpc"] } };

  it("finds a machine that a profile matches, though it names none", async () => {
    const room = await ready();
    await room.claim("c", wanting);
    expect(await room.says()).toContain("1 has another profile");
    await room.profile("hpc", { model: "Fake" });
    expect(await room.stands("Bound")).toBe("True Bound");
  });

  it("goes by the profile that the machine has: the first by name of those that match", async () => {
    const room = await ready();
    await room.profile("hpc", { model: "Fake" });
    await room.profile("big-data", { model: "Fake" });
    await room.claim("c", wanting);
    expect(await room.says()).toContain("1 has another profile");
  });
});

describe("another image", () => {
  const trixie = { deploy: { imageRef: { name: "trixie" } } };

  it("is reported, and no more, with OnDelete", async () => {
    const room = await deployed();
    await room.image("trixie");
    await room.editClaim("c", trixie);
    expect(await room.stands("UpToDate")).toBe("False ImageDiffers");
    expect(await room.stands("Ready")).toBe("True Bound");
    expect((await room.machine()).status).toMatchObject({ phase: "Deployed", image: "debian" });
  });

  it("is written in the place of the other with Reinstall", async () => {
    const room = await deployed({ updateStrategy: "Reinstall" });
    await room.image("trixie");
    await room.editClaim("c", trixie);
    expect((await room.machine()).status?.phase).toBe("Deploying");
    expect(await room.stands("Ready")).toBe("False Deploying");
    expect(await room.stands("UpToDate")).toMatch(/^False/);
    await room.pass(seconds(10));
    await room.pass(seconds(10));
    await room.carryOut();
    expect((await room.machine()).status).toMatchObject({ phase: "Deployed", image: "trixie" });
    expect(await room.stands("UpToDate")).toBe("True UpToDate");
    expect(await room.stands("Ready")).toBe("True Bound");
  });

  it("that nobody knows is not written", async () => {
    const room = await deployed({ updateStrategy: "Reinstall" });
    await room.editClaim("c", { deploy: { imageRef: { name: "gone" } } });
    expect((await room.machine()).status).toMatchObject({ phase: "Deployed", image: "debian" });
    expect(await room.stands("UpToDate")).toBe("False Reinstalling");
  });

  it("is not written to a machine that is protected", async () => {
    const room = await deployed({ updateStrategy: "Reinstall" });
    await room.edit({ protected: true });
    await room.image("trixie");
    await room.editClaim("c", trixie);
    expect((await room.machine()).status?.phase).toBe("Deployed");
  });
});

describe("a claim that is gone without its finalizer", () => {
  it("leaves a machine that nobody touches", async () => {
    const room = await deployed();
    const before = room.bmc.trace.length;
    await room.deleteClaim("c", true);
    expect(await room.condition("Stalled")).toBe("True ClaimLost");
    await room.pass(seconds(3_600));
    expect((await room.machine()).status).toMatchObject({ phase: "Deployed" });
    expect(room.bmc.trace).toHaveLength(before);
  });

  it("is followed by one that adopts its machine as it is", async () => {
    const room = await deployed();
    await room.deleteClaim("c", true);
    const before = room.bmc.trace.length;
    const epoch = (await room.machine()).status?.epoch ?? 0;
    await room.claim("heir", {
      ...debian,
      machineRef: { namespace: "lab", name: "m1" },
      adoptBound: true,
    });
    expect(await room.stands("Ready", "heir")).toBe("True Bound");
    expect(await room.stands("UpToDate", "heir")).toBe("True UpToDate");
    expect(await room.condition("Ready")).toBe("True Deployed");
    const { status } = await room.machine();
    expect(status).toMatchObject({ claimRef: { name: "heir" }, image: "debian" });
    expect(status?.epoch).toBe(epoch + 1);
    expect(room.bmc.trace).toHaveLength(before);
  });

  it("is not followed by one that only names its machine", async () => {
    const room = await deployed();
    await room.deleteClaim("c", true);
    await room.claim("thief", { ...debian, machineRef: { namespace: "lab", name: "m1" } });
    expect(await room.says("thief")).toContain("1 is held");
    expect(await holderOf(room)).toBe("c");
  });

  it("is not followed by one of another namespace", async () => {
    const room = await deployed();
    await room.deleteClaim("c", true);
    await room.claim(
      "thief",
      { ...debian, machineRef: { namespace: "lab", name: "m1" }, adoptBound: true },
      "elsewhere",
    );
    expect(await holderOf(room)).toBe("c");
    expect(await room.condition("Stalled")).toBe("True ClaimLost");
  });

  it("does not lose its machine to an heir while it is there", async () => {
    const room = await deployed();
    const machineRef = { namespace: "lab", name: "m1" };
    await room.claim("heir", { ...debian, machineRef, adoptBound: true });
    expect(await holderOf(room)).toBe("c");
    expect(await room.stands("Bound", "heir")).toBe("False NotPlaced");
  });
});

describe("a machine that its claim loses", () => {
  it("is not replaced by another one behind the tenant's back", async () => {
    const room = await deployed();
    await room.addReady("m2");
    await room.edit({ nonces: { release: "1" } });
    await room.pass(seconds(10));
    await room.pass(seconds(10));
    await room.carryOut();
    expect(await holderOf(room)).toBeUndefined();
    expect(await room.stands("Stalled")).toBe("True MachineLost");
    await room.deleteClaim("c");
    await expect(room.claimed("c")).rejects.toThrow("no MachineClaim");
  });

  it("is the claim's again when its status was lost and the record kept", async () => {
    const room = await deployed();
    await room.loseStatus();
    await room.settle();
    expect(await room.condition("Ready")).toBe("True Deployed");
    expect(await holderOf(room)).toBe("c");
    expect(await room.stands("Ready")).toBe("True Bound");
    expect(room.bmc.trace).toEqual(["boot network UEFI"]);
  });

  /** A status without a record, as long as nothing was written, says nothing of a claim. */
  async function forgotten(room: Shop): Promise<void> {
    await room.loseStatus();
    await room.loseRecord();
    await room.settle();
  }

  /** As it is looked at after such a loss. */
  async function lookedAt(room: Shop): Promise<void> {
    await room.pass(seconds(3));
    await room.pass(seconds(10));
    await room.commission();
  }

  it("is bound again when its status was lost and nothing was written to it", async () => {
    const room = await ready();
    await room.claim("c");
    const { untouched } = (await room.claimed("c")).status ?? {};
    await forgotten(room);
    expect(await holderOf(room)).toBeUndefined();
    expect(await room.stands("Reconciling")).toBe("True MachineLost");
    expect(await room.says()).toContain("is looked at anew");
    await lookedAt(room);
    expect(await holderOf(room)).toBe("c");
    expect(await room.stands("Ready")).toBe("True Bound");
    expect((await room.claimed("c")).status?.untouched?.epoch).toBe((untouched?.epoch ?? 0) + 1);
    expect((await room.tasks()).map(({ spec }) => spec.type)).toEqual(["Commission", "Commission"]);
  });

  it("is not bound again after its release was asked for", async () => {
    const room = await ready();
    await room.claim("c");
    await room.edit({ nonces: { release: "1" } });
    await room.settle();
    expect(await holderOf(room)).toBeUndefined();
    await room.edit({ nonces: { release: "1", commission: "1" } });
    await lookedAt(room);
    expect((await room.machine()).status?.phase).toBe("Ready");
    expect(await holderOf(room)).toBeUndefined();
    expect(await room.stands("Stalled")).toBe("True MachineLost");
  });

  it("is not bound again when its release was asked for while its status was lost", async () => {
    const room = await ready();
    await room.claim("c");
    await room.loseStatus();
    await room.loseRecord();
    await room.edit({ nonces: { release: "1" } });
    await lookedAt(room);
    expect((await room.machine()).status?.phase).toBe("Ready");
    expect(await holderOf(room)).toBeUndefined();
  });

  it("is not taken from who got it meanwhile", async () => {
    const room = await ready();
    await room.claim("c");
    await forgotten(room);
    const heir = { namespace: "shop", name: "heir", uid: "another" };
    await room.writeMachineStatus("m1", { claimRef: heir });
    await lookedAt(room);
    expect(await holderOf(room)).toBe("heir");
    expect(await room.stands("Stalled")).toBe("True MachineLost");
  });

  it("is found again when the claim's own status was lost", async () => {
    const room = await deployed();
    await room.loseClaimStatus("c");
    await room.settle();
    expect((await room.claimed("c")).status?.machineRef?.name).toBe("m1");
    expect(await room.stands("Ready")).toBe("True Bound");
  });
});

describe("a taint NoExecute", () => {
  it("is reported on the claim that does not tolerate it, and takes nothing away", async () => {
    const room = await deployed();
    await room.edit({ taints: [{ key: "repair", effect: "NoExecute" }] });
    expect(await room.stands("Tainted")).toBe("True NoExecute");
    expect(await room.stands("Ready")).toBe("True Bound");
    expect(room.events).toContain("NoExecute");
  });
});

describe("an operator that comes and goes", () => {
  it("gives a second machine back that one before it bound to the same claim", async () => {
    const room = await ready();
    await room.claim("c");
    await room.addReady("m2");
    const { uid } = (await room.claimed("c")).metadata;
    await room.writeMachineStatus("m2", { claimRef: { namespace: "shop", name: "c", uid } });
    room.restartOperator();
    await room.settle();
    expect((await room.machine("m2")).status).not.toHaveProperty("claimRef");
    expect(await holderOf(room)).toBe("c");
    expect((await room.tasks()).map(({ spec }) => spec.type)).toEqual(["Commission"]);
  });

  it("takes another machine when the one that it chose has changed meanwhile", async () => {
    const room = await ready();
    await room.addReady("m2");
    let edits = 0;
    room.onCall = async ({ verb, resource, key, subresource }) => {
      if (verb !== "patch" || resource !== "machines" || key !== "lab/m1" || edits > 0) return;
      if (subresource !== "status") return;
      edits++;
      await room.cluster.mergePatch(
        KINDS.machine,
        { namespace: "lab", name: "m1" },
        { spec: { mode: "Cordoned" } },
        {},
        AbortSignal.timeout(5_000),
      );
    };
    await room.claim("c");
    await room.settle();
    expect(edits).toBe(1);
    expect(await holderOf(room)).toBeUndefined();
    expect((await room.machine("m2")).status?.claimRef?.name).toBe("c");
    expect(await room.stands("Bound")).toBe("True Bound");
  });
});
