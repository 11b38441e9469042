import { beforeEach, describe, expect, it } from "vitest";
import { KINDS } from "#api/group.ts";
import { seconds } from "#base/duration.ts";
import { deployDebian, Room } from "#test/fakes/room.ts";

const soon = (): AbortSignal => AbortSignal.timeout(10_000);

/** Ready, with a status from a backup: its last task was an earlier Machine's of that name. */
async function restored(): Promise<Room> {
  const room = await Room.with({});
  await room.settle();
  await room.pass(seconds(3));
  await room.commission();
  const { metadata, status } = await room.machine();
  expect(status).toMatchObject({ phase: "Ready", applied: { disk: "Erased" } });
  await room.loseTasks();
  const { namespace = "", name } = metadata;
  const old = { status: { applied: { task: "m1-0ddba11s-commission-1-1" } } };
  await room.cluster.mergePatch(
    KINDS.machine,
    { namespace, name },
    old,
    { subresource: "status" },
    soon(),
  );
  room.restartOperator();
  room.bmc.now = { ...room.bmc.now, power: "off" };
  return room;
}

describe("that its disks are erased, as a Machine before this one said", () => {
  let room: Room;
  beforeEach(async () => {
    room = await restored();
    await room.settle();
    await room.pass(seconds(3));
  });

  it("is not believed: the agent looks", async () => {
    expect((await room.machine()).status?.phase).toBe("Commissioning");
    await room.commission("Blank");
    expect((await room.machine()).status?.phase).toBe("Ready");
  });

  it("starts no deploy over what somebody has written since", async () => {
    await room.edit(deployDebian);
    await room.commission("Data");
    expect(await room.condition("Stalled")).toBe("True AdoptionRequired");
    expect((await room.tasks()).map(({ spec }) => spec.type)).toEqual(["Commission"]);
  });
});
