import { describe, expect, it } from "vitest";
import { minutes, seconds } from "#base/duration.ts";
import { deployDebian } from "#test/fakes/room.ts";
import { Shop } from "#test/fakes/shop.ts";

/** A machine whose agent has just been allowed to write. */
async function deploying(): Promise<Shop> {
  const room = await Shop.with(deployDebian);
  await room.settle();
  await room.pass(seconds(3));
  await room.commission();
  await room.grant();
  await room.pass(seconds(30));
  return room;
}

const attempts = async (room: Shop): Promise<readonly string[]> =>
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

  it("write what is wanted by then, which is what the machine says afterwards", async () => {
    const room = await deploying();
    await room.image("other");
    await room.report({ state: "Failed", message: "HTTP 404" });
    await room.edit({ deploy: { imageRef: { name: "other" } } });
    await room.pass(seconds(3));
    await room.pass(seconds(8));
    expect(await attempts(room)).toEqual(["1 Failed", "2 Pending"]);
    await room.grant();
    await room.report({ state: "Written" });
    await room.report({ state: "Succeeded" });
    expect((await room.machine()).status).toMatchObject({
      ...{ phase: "Deployed", image: "other" },
      applied: { image: "other", imageDigest: `sha256:${"b".repeat(64)}`, disk: "Written" },
    });
  });

  it("tell what is on the disk, also where another leader had intended something else", async () => {
    const room = await deploying();
    const applied = { image: "other", imageDigest: `sha256:${"b".repeat(64)}` };
    await room.writeMachineStatus("m1", { applied });
    await room.report({ state: "Written" });
    await room.report({ state: "Succeeded" });
    expect((await room.machine()).status).toMatchObject({
      ...{ phase: "Deployed", image: "debian" },
      applied: { image: "debian" },
    });
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
