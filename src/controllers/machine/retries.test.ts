import { describe, expect, it } from "vitest";
import { minutes, seconds } from "#base/duration.ts";
import { deployDebian, Room } from "#test/fakes/room.ts";

/** A machine whose agent has just been allowed to write. */
async function deploying(): Promise<Room> {
  const room = await Room.with(deployDebian);
  await room.settle();
  await room.pass(seconds(3));
  await room.commission();
  await room.grant();
  await room.pass(seconds(30));
  return room;
}

const attempts = async (room: Room): Promise<readonly string[]> =>
  (await room.tasks())
    .filter(({ spec }) => spec.type === "Deploy")
    .map(({ spec, status }) => `${spec.attempt} ${status?.state ?? "Pending"}`);

describe("the attempts of a task", () => {
  it("follow each other with growing delays, the machine off meanwhile", async () => {
    const room = await deploying();
    await room.report({ state: "Failed", message: "The disk refuses." });
    await room.pass(seconds(3));
    expect(room.bmc.now.power).toBe("off");
    await room.pass(seconds(5));
    expect(await attempts(room)).toEqual(["1 Failed"]);
    expect(await room.condition("Stalled")).toBe("True TaskFailed");
    await room.pass(seconds(3));
    expect(await attempts(room)).toEqual(["1 Failed", "2 Pending"]);

    await room.grant();
    await room.report({ state: "Failed", message: "The disk refuses." });
    await room.pass(seconds(9));
    await room.pass(seconds(20));
    expect(await attempts(room)).toEqual(["1 Failed", "2 Failed"]);
    await room.pass(seconds(2));
    expect(await attempts(room)).toEqual(["1 Failed", "2 Failed", "3 Pending"]);
  });

  it("end when the machine has been off for a minute, long before their time is over", async () => {
    const room = await deploying();
    room.bmc.now = { ...room.bmc.now, power: "off" };
    await room.pass(seconds(21)); // seen off
    await room.pass(seconds(30));
    expect(await attempts(room)).toEqual(["1 Running"]);
    await room.pass(seconds(31));
    expect(await attempts(room)).toEqual(["1 Expired"]);
    expect((await room.tasks()).at(-1)?.status?.message).toContain("The machine is off");
    await room.pass(minutes(2));
    expect(await attempts(room)).toEqual(["1 Expired", "2 Pending"]);
  });

  it("do not end for a BMC that says off for a moment", async () => {
    const room = await deploying();
    room.bmc.now = { ...room.bmc.now, power: "off" };
    await room.pass(seconds(21));
    room.bmc.now = { ...room.bmc.now, power: "on" };
    await room.pass(seconds(21));
    room.bmc.now = { ...room.bmc.now, power: "off" };
    await room.pass(seconds(40));
    expect(await attempts(room)).toEqual(["1 Running"]);
  });
});
