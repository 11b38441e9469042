import { describe, expect, it } from "vitest";
import { minutes, seconds } from "#base/duration.ts";
import { deployDebian } from "#test/fakes/room.ts";
import { Shop } from "#test/fakes/shop.ts";

const image = { imageRef: { name: "debian" }, method: "Disk" } as const;

/** No agent comes up for it, as often as it is tried. */
async function giveUp(room: Shop): Promise<void> {
  for (const _ of [1, 2, 3]) {
    await room.pass(seconds(31));
    await room.pass(minutes(21));
    await room.pass(seconds(3));
  }
  const { status } = await room.machine();
  expect(status).toMatchObject({ phase: "Broken", applied: { disk: "Erased" } });
  expect(await room.condition("Stalled")).toBe("True GivenUp");
}

const retry = (room: Shop, round: string): Promise<void> => room.edit({ nonces: { retry: round } });

describe("a machine that was given up before anything was written to it", () => {
  it("lets go of its claim, and is looked at anew on the next retry", async () => {
    const room = await Shop.with();
    await room.makeReady();
    await room.claim("c", { deploy: image });
    await room.pass(seconds(3));
    await giveUp(room);
    await room.deleteClaim("c");
    await room.pass(seconds(3));
    await expect(room.claimed("c")).rejects.toThrow("no MachineClaim c");
    const { status } = await room.machine();
    expect(status?.phase).toBe("Broken");
    expect(status?.claimRef).toBeUndefined();

    await retry(room, "again");
    await room.pass(seconds(3));
    await room.commission();
    expect((await room.machine()).status?.phase).toBe("Ready");
  });

  it("is free when spec.deploy is taken away", async () => {
    const room = await Shop.with(deployDebian);
    await room.makeReady();
    await giveUp(room);
    await room.edit({ deploy: null });
    await retry(room, "again");
    await room.pass(seconds(3));
    await room.commission();
    const { status } = await room.machine();
    expect(status?.phase).toBe("Ready");
    expect(status?.applied?.imageDigest).toBeUndefined();
  });

  it("says who holds it, where it is to retire", async () => {
    const room = await Shop.with(deployDebian);
    await room.makeReady();
    await giveUp(room);
    await room.edit({ mode: "Retired" });
    await retry(room, "again");
    await room.pass(seconds(3));
    expect(await room.condition("Stalled")).toBe("True StillHeld");
  });
});

it("a claim's machine whose status is lost before its agent came up is looked at, and deployed", async () => {
  const room = await Shop.with();
  await room.makeReady();
  await room.claim("c", { deploy: image });
  await room.pass(seconds(3));
  expect((await room.tasks()).at(-1)?.spec.type).toBe("Deploy");
  await room.loseStatus();
  room.restartOperator();
  await room.settle();
  expect(await room.condition("Stalled")).toBe("True AdoptionRequired"); // it is on: who knows what runs
  room.bmc.now = { ...room.bmc.now, power: "off" }; // the agent finds nothing to do
  await room.pass(minutes(11));
  await room.commission();
  await room.pass(seconds(3));
  expect((await room.tasks()).map(({ spec }) => spec.type)).toEqual([
    ...["Commission", "Deploy", "Commission", "Deploy"],
  ]);
  expect((await room.machine()).status?.phase).toBe("Deploying");
});

describe("an erase that finds a disk missing", () => {
  const missing = {
    state: "Failed",
    reason: "EraseIncomplete",
    message: "D1 is missing.",
  } as const;

  async function erasing(): Promise<Shop> {
    const room = await Shop.with(deployDebian);
    await room.deploy();
    await room.edit({ deploy: null });
    for (const wait of [10, 10, 12, 33]) {
      await room.pass(seconds(wait));
      await room.pass(seconds(3));
      if ((await room.tasks()).at(-1)?.spec.type !== "Erase") continue;
      await room.grant();
      await room.report(missing);
    }
    await room.pass(seconds(3));
    return room;
  }

  it("says which, and what to do about it, to the end", async () => {
    const room = await erasing();
    expect((await room.machine()).status?.phase).toBe("Broken");
    expect(await room.condition("Stalled")).toBe("True EraseIncomplete");
    const { status } = await room.machine();
    const ready = status?.conditions?.find(({ type }) => type === "Ready");
    expect(ready?.message).toContain("D1 is missing.");
    expect(ready?.message).toContain("nonces.acceptHardware; then change nonces.retry");
  });

  it("goes on without it, once a person accepts the hardware", async () => {
    const room = await erasing();
    await room.edit({ nonces: { acceptHardware: "1", retry: "1" } });
    for (const _ of [1, 2, 3]) await room.pass(seconds(10));
    const task = (await room.tasks()).at(-1);
    expect(task?.spec.type).toBe("Erase");
    expect(task?.status?.state).toBeUndefined();
    expect(task?.spec.erase).not.toHaveProperty("expectDisks");
    await room.grant();
    await room.report({ state: "Succeeded" });
    expect((await room.machine()).status?.phase).toBe("Ready");
  });
});

it("an adopted system is not written over by nonces.deploy, but by spec.adoption: Wipe alone", async () => {
  const room = await Shop.with({ ...deployDebian, adoption: "Adopt" });
  await room.settle();
  await room.pass(seconds(3));
  await room.commission("Data");
  expect((await room.machine()).status?.phase).toBe("Deployed");
  await room.edit({ nonces: { deploy: "1" } });
  await room.pass(minutes(11));
  expect((await room.tasks()).map(({ spec }) => spec.type)).toEqual(["Commission"]);
  expect((await room.machine()).status?.phase).toBe("Deployed");
  expect(room.events).toContain("NonceIgnored");
});
