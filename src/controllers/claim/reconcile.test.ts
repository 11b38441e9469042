import { describe, expect, it } from "vitest";
import { KINDS } from "#api/group.ts";
import type { MachineClaimSpec } from "#api/machine-claim.ts";
import { seconds } from "#base/duration.ts";
import { deployDebian } from "#test/fakes/room.ts";
import { Shop } from "#test/fakes/shop.ts";

const debian: Partial<MachineClaimSpec> = deployDebian;

describe("a claim's way", () => {
  it("leads from created to Ready, and says which machine it is", async () => {
    const room = await Shop.ready();
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
    const room = await Shop.ready();
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
    const room = await Shop.deployed();
    await room.deleteClaim("c");
    expect(await room.stands("Ready")).toBe("False Releasing");
    await room.pass(seconds(10));
    await room.pass(seconds(10));
    expect((await room.tasks()).at(-1)?.spec.type).toBe("Erase");
    expect(await room.holder()).toBe("c");
    await room.carryOut();
    const { status } = await room.machine();
    expect(status).toMatchObject({ phase: "Ready", applied: { disk: "Erased" } });
    expect(status).not.toHaveProperty("claimRef");
    expect(status).not.toHaveProperty("providerID");
    await expect(room.claimed("c")).rejects.toThrow("no MachineClaim");
  });

  it("is short if it is deleted before anything was written", async () => {
    const room = await Shop.ready();
    await room.claim("c", debian);
    await room.deleteClaim("c");
    await expect(room.claimed("c")).rejects.toThrow("no MachineClaim");
    expect((await room.machine()).status).toMatchObject({ phase: "Ready", boot: "Hold" });
    expect(await room.holder()).toBeUndefined();
  });

  it("rests at a held machine if it asks for no system", async () => {
    const room = await Shop.ready();
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
    const room = await Shop.ready();
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
    const room = await Shop.ready();
    await room.secret("seed", "Opaque", { userData: "hello" }, "shop");
    const deploy = { ...deployDebian.deploy, userDataSecretRef: { name: "seed" } };
    await room.claim("c", { deploy });
    expect(await room.stands("Stalled")).toBe("True SecretForbidden");
    expect(await room.says()).toContain('Secret "seed" in namespace "shop" has type Opaque');
    expect((await room.tasks()).map(({ spec }) => spec.type)).toEqual(["Commission"]);
  });

  it("travels to the zone with the task", async () => {
    const room = await Shop.ready();
    await room.secret("seed", "steelyard.dev/user-data", { userData: "hello" }, "shop");
    const deploy = { ...deployDebian.deploy, userDataSecretRef: { name: "seed" } };
    await room.claim("c", { deploy });
    expect(await room.seeds()).toHaveLength(1);
  });
});

describe("a claim that finds no machine", () => {
  it("says why, counting machines, and touches nothing", async () => {
    const room = await Shop.ready();
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
    const room = await Shop.ready();
    await room.claim("first");
    await room.claim("too-much", { requirements: { minCPUs: 1_000 }, priority: 9 });
    await room.claim("second");
    expect(await room.stands("Reconciling", "second")).toBe("True NotPlaced");
    expect(await room.says("second")).toBe(
      "0 of 1 machine fits: 1 is held. Number 1 of 1 that wait.",
    );
    await room.deleteClaim("first");
    expect(await room.stands("Bound", "second")).toBe("True Bound");
    expect(await room.holder()).toBe("second");
  });

  it("says that its image is not there before it takes a machine for it", async () => {
    const room = await Shop.ready();
    await room.claim("c", { deploy: { imageRef: { name: "gone" }, method: "Disk" } });
    expect(await room.stands("Stalled")).toBe("True ImageNotFound");
    expect(await room.holder()).toBeUndefined();
  });

  it.each([
    { mode: "Cordoned" },
    { mode: "Retired" },
    { mode: "Broken" },
    { paused: true },
    { taints: [{ key: "k", effect: "NoClaim" }] },
  ] as const)("leaves a machine alone with %o", async (spec) => {
    const room = await Shop.ready();
    await room.edit(spec);
    await room.claim("c", debian);
    expect(await room.stands("Bound")).toBe("False NotPlaced");
    expect(await room.holder()).toBeUndefined();
  });

  it("is let in by its zone's word alone", async () => {
    const room = await Shop.ready();
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
    const room = await Shop.ready();
    await room.claim("c", wanting);
    expect(await room.says()).toContain("1 has another profile");
    await room.profile("hpc", { model: "Fake" });
    expect(await room.stands("Bound")).toBe("True Bound");
  });

  it("goes by the profile that the machine has: the first by name of those that match", async () => {
    const room = await Shop.ready();
    await room.profile("hpc", { model: "Fake" });
    await room.profile("big-data", { model: "Fake" });
    await room.claim("c", wanting);
    expect(await room.says()).toContain("1 has another profile");
  });
});

describe("another image", () => {
  const trixie = { deploy: { imageRef: { name: "trixie" } } };

  it("is reported, and no more, with OnDelete", async () => {
    const room = await Shop.deployed();
    await room.image("trixie");
    await room.editClaim("c", trixie);
    expect(await room.stands("UpToDate")).toBe("False ImageDiffers");
    expect(await room.stands("Ready")).toBe("True Bound");
    expect((await room.machine()).status).toMatchObject({ phase: "Deployed", image: "debian" });
  });

  it("is written in the place of the other with Reinstall", async () => {
    const room = await Shop.deployed({ updateStrategy: "Reinstall" });
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
    const room = await Shop.deployed({ updateStrategy: "Reinstall" });
    await room.editClaim("c", { deploy: { imageRef: { name: "gone" } } });
    expect((await room.machine()).status).toMatchObject({ phase: "Deployed", image: "debian" });
    expect(await room.stands("UpToDate")).toBe("False Reinstalling");
  });

  it("is not written to a machine that is protected", async () => {
    const room = await Shop.deployed({ updateStrategy: "Reinstall" });
    await room.edit({ protected: true });
    await room.image("trixie");
    await room.editClaim("c", trixie);
    expect((await room.machine()).status?.phase).toBe("Deployed");
  });
});

describe("a taint NoExecute", () => {
  it("is reported on the claim that does not tolerate it, and takes nothing away", async () => {
    const room = await Shop.deployed();
    await room.edit({ taints: [{ key: "repair", effect: "NoExecute" }] });
    expect(await room.stands("Tainted")).toBe("True NoExecute");
    expect(await room.stands("Ready")).toBe("True Bound");
    expect(room.events).toContain("NoExecute");
  });
});

describe("an operator that comes and goes", () => {
  it("gives a second machine back that one before it bound to the same claim", async () => {
    const room = await Shop.ready();
    await room.claim("c");
    await room.addReady("m2");
    const { uid } = (await room.claimed("c")).metadata;
    await room.writeMachineStatus("m2", { claimRef: { namespace: "shop", name: "c", uid } });
    room.restartOperator();
    await room.settle();
    expect((await room.machine("m2")).status).not.toHaveProperty("claimRef");
    expect(await room.holder()).toBe("c");
    expect((await room.tasks()).map(({ spec }) => spec.type)).toEqual(["Commission"]);
  });

  it("takes another machine when the one that it chose has changed meanwhile", async () => {
    const room = await Shop.ready();
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
    expect(await room.holder()).toBeUndefined();
    expect((await room.machine("m2")).status?.claimRef?.name).toBe("c");
    expect(await room.stands("Bound")).toBe("True Bound");
  });
});
