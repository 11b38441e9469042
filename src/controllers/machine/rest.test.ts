import { describe, expect, it } from "vitest";
import { minutes, seconds } from "#base/duration.ts";
import { deployDebian, Room } from "#test/fakes/room.ts";
import { Shop } from "#test/fakes/shop.ts";
import { REST, restOf } from "./rest.ts";

/** Deployed, and found by an operator that knows nothing yet. */
async function found(): Promise<{ room: Room; asked: number }> {
  const room = await Room.with(deployDebian);
  await room.deploy();
  await room.pass(seconds(30));
  room.restartOperator();
  return { room, asked: room.bmc.exchanges };
}

describe("a machine at rest, before an operator that has just begun to lead", () => {
  it("is not asked at once, but when its turn comes", async () => {
    const { room, asked } = await found();
    await room.settle();
    expect(room.bmc.exchanges).toBe(asked);
    await room.pass(minutes(10));
    expect(room.bmc.exchanges).toBeGreaterThan(asked);
  });

  it("is asked at once where something was ordered meanwhile", async () => {
    const { room, asked } = await found();
    await room.edit({ deploy: null });
    expect((await room.machine()).status?.phase).toBe("Releasing");
    expect(room.bmc.exchanges).toBeGreaterThan(asked);
  });

  it("is asked at once where its spec was touched in any way", async () => {
    const { room, asked } = await found();
    await room.edit({ asset: { tag: "x" } });
    expect(room.bmc.exchanges).toBeGreaterThan(asked);
  });
});

describe("the power that is shown", () => {
  it("is On when the system has reported in, though no BMC was asked since", async () => {
    const room = await Room.with(deployDebian);
    await room.deploy();
    expect((await room.machine()).status).toMatchObject({ phase: "Deployed", power: "On" });
  });

  it("is looked at once more when the agent of a machine that is Ready must be gone", async () => {
    const room = await Shop.with();
    await room.makeReady();
    await room.writeMachineStatus("m1", { power: "On" });
    await room.settle();
    expect(room.rests.get("lab/m1")).toBe(seconds(90));
    await room.pass(seconds(90));
    expect(room.rests.get("lab/m1")).toBeGreaterThanOrEqual(REST * 0.75);
  });
});

describe("the rest between two looks", () => {
  it.each([
    [1, REST],
    [1_800, REST],
    [9_000, seconds(3_000)],
  ])("in a fleet of %i is such that three a second are looked at, at most", (fleet, rest) => {
    expect(restOf(fleet)).toBe(rest);
  });
});
