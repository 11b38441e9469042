import { describe, expect, it } from "vitest";
import { seconds } from "#base/duration.ts";
import { deployDebian } from "#test/fakes/room.ts";
import { Shop } from "#test/fakes/shop.ts";

describe("a claim that is gone without its finalizer", () => {
  it("leaves a machine that nobody touches", async () => {
    const room = await Shop.deployed();
    const before = room.bmc.trace.length;
    await room.deleteClaim("c", true);
    expect(await room.condition("Stalled")).toBe("True ClaimLost");
    await room.pass(seconds(3_600));
    expect((await room.machine()).status).toMatchObject({ phase: "Deployed" });
    expect(room.bmc.trace).toHaveLength(before);
  });

  it("is followed by one that adopts its machine as it is", async () => {
    const room = await Shop.deployed();
    await room.deleteClaim("c", true);
    const before = room.bmc.trace.length;
    const epoch = (await room.machine()).status?.epoch ?? 0;
    await room.claim("heir", {
      ...deployDebian,
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
    const room = await Shop.deployed();
    await room.deleteClaim("c", true);
    await room.claim("thief", { ...deployDebian, machineRef: { namespace: "lab", name: "m1" } });
    expect(await room.says("thief")).toContain("1 is held");
    expect(await room.holder()).toBe("c");
  });

  it("is not followed by one of another namespace", async () => {
    const room = await Shop.deployed();
    await room.deleteClaim("c", true);
    await room.claim(
      "thief",
      { ...deployDebian, machineRef: { namespace: "lab", name: "m1" }, adoptBound: true },
      "elsewhere",
    );
    expect(await room.holder()).toBe("c");
    expect(await room.condition("Stalled")).toBe("True ClaimLost");
  });

  it("does not lose its machine to an heir while it is there", async () => {
    const room = await Shop.deployed();
    const machineRef = { namespace: "lab", name: "m1" };
    await room.claim("heir", { ...deployDebian, machineRef, adoptBound: true });
    expect(await room.holder()).toBe("c");
    expect(await room.stands("Bound", "heir")).toBe("False NotPlaced");
  });
});

describe("a machine that its claim loses", () => {
  it("is not replaced by another one behind the tenant's back", async () => {
    const room = await Shop.deployed();
    await room.addReady("m2");
    await room.edit({ nonces: { release: "1" } });
    await room.pass(seconds(10));
    await room.pass(seconds(10));
    await room.carryOut();
    expect(await room.holder()).toBeUndefined();
    expect(await room.stands("Stalled")).toBe("True MachineLost");
    await room.deleteClaim("c");
    await expect(room.claimed("c")).rejects.toThrow("no MachineClaim");
  });

  it("is the claim's again when its status was lost and the record kept", async () => {
    const room = await Shop.deployed();
    await room.loseStatus();
    await room.settle();
    expect(await room.condition("Ready")).toBe("True Deployed");
    expect(await room.holder()).toBe("c");
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
    const room = await Shop.ready();
    await room.claim("c");
    const { untouched } = (await room.claimed("c")).status ?? {};
    await forgotten(room);
    expect(await room.holder()).toBeUndefined();
    expect(await room.stands("Reconciling")).toBe("True MachineLost");
    expect(await room.says()).toContain("is looked at anew");
    await lookedAt(room);
    expect(await room.holder()).toBe("c");
    expect(await room.stands("Ready")).toBe("True Bound");
    expect((await room.claimed("c")).status?.untouched?.epoch).toBe((untouched?.epoch ?? 0) + 1);
    expect((await room.tasks()).map(({ spec }) => spec.type)).toEqual(["Commission", "Commission"]);
  });

  it("is not bound again after its release was asked for", async () => {
    const room = await Shop.ready();
    await room.claim("c");
    await room.edit({ nonces: { release: "1" } });
    await room.settle();
    expect(await room.holder()).toBeUndefined();
    await room.edit({ nonces: { release: "1", commission: "1" } });
    await lookedAt(room);
    expect((await room.machine()).status?.phase).toBe("Ready");
    expect(await room.holder()).toBeUndefined();
    expect(await room.stands("Stalled")).toBe("True MachineLost");
  });

  it("is not bound again when its release was asked for while its status was lost", async () => {
    const room = await Shop.ready();
    await room.claim("c");
    await room.loseStatus();
    await room.loseRecord();
    await room.edit({ nonces: { release: "1" } });
    await lookedAt(room);
    expect((await room.machine()).status?.phase).toBe("Ready");
    expect(await room.holder()).toBeUndefined();
  });

  it("is not taken from who got it meanwhile", async () => {
    const room = await Shop.ready();
    await room.claim("c");
    await forgotten(room);
    const heir = { namespace: "shop", name: "heir", uid: "another" };
    await room.writeMachineStatus("m1", { claimRef: heir });
    await lookedAt(room);
    expect(await room.holder()).toBe("heir");
    expect(await room.stands("Stalled")).toBe("True MachineLost");
  });

  it("is found again when the claim's own status was lost", async () => {
    const room = await Shop.deployed();
    await room.loseClaimStatus("c");
    await room.settle();
    expect((await room.claimed("c")).status?.machineRef?.name).toBe("m1");
    expect(await room.stands("Ready")).toBe("True Bound");
  });
});
