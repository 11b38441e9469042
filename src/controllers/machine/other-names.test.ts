import { describe, expect, it } from "vitest";
import { KINDS } from "#api/group.ts";
import { seconds } from "#base/duration.ts";
import { inventory } from "#test/fakes/inventory.ts";
import { deployDebian, Room } from "#test/fakes/room.ts";

const BMCS = "11111111-2222-3333-4444-555555555555";
const HOSTS = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

const expected = async (room: Room) => (await room.tasks()).at(-1)?.spec.expect;

/** A board whose BMC tells another system UUID than its SMBIOS: the rack let no agent in. */
async function refused(): Promise<Room> {
  const room = await Room.with({}, { systemUuid: BMCS });
  await room.settle();
  await room.pass(seconds(3));
  expect(await expected(room)).toMatchObject({ systemUUID: BMCS });
  await room.report({ state: "Failed", reason: "IdentityConflict", message: "Two names." });
  await room.pass(seconds(11));
  expect(await room.condition("Stalled")).toBe("True IdentityChanged");
  return room;
}

describe("a host that calls itself something else than its BMC does", () => {
  it("is let in when a person accepts it, and is expected under its own name from then on", async () => {
    const room = await refused();
    await room.edit({ nonces: { acceptHardware: "1" } });
    for (const _ of [1, 2, 3]) await room.pass(seconds(10));
    expect(await expected(room)).toEqual({});

    const metadata = { name: "m1", namespace: "lab" };
    const spec = { ...inventory({ system: { uuid: HOSTS } }), zone: "a" };
    await room.cluster.create(
      KINDS.machineInventory,
      { metadata, spec },
      AbortSignal.timeout(5_000),
    );
    await room.commission();
    const { status } = await room.machine();
    expect(status).toMatchObject({
      phase: "Ready",
      identity: { systemUUID: BMCS, host: { systemUUID: HOSTS } },
    });
    expect(status?.identity).not.toHaveProperty("proven");

    await room.edit(deployDebian);
    for (const _ of [1, 2]) await room.pass(seconds(50));
    expect((await room.tasks()).at(-1)?.spec.type).toBe("Deploy");
    expect(await expected(room)).toEqual({ systemUUID: HOSTS });
    expect(await room.condition("Stalled"), "the BMC is compared with its own name").toContain(
      "False",
    );
  });

  it("is let in once for each time that it is accepted", async () => {
    const room = await refused();
    await room.edit({ nonces: { acceptHardware: "1" } });
    for (const _ of [1, 2, 3]) await room.pass(seconds(10));
    await room.report({ state: "Failed", message: "The agent ended." });
    for (const _ of [1, 2, 3]) await room.pass(seconds(20));
    expect(await expected(room)).toMatchObject({ systemUUID: BMCS });
  });
});
