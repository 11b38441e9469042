import { describe, expect, it } from "vitest";
import { minutes, seconds } from "#base/duration.ts";
import { deployDebian, Room } from "#test/fakes/room.ts";

/** A deployed machine that runs, and what its BMC is told from here on. */
async function deployed(): Promise<{ room: Room; told: () => readonly string[] }> {
  const room = await Room.with(deployDebian);
  await room.deploy();
  await room.pass(minutes(1));
  const before = room.bmc.trace.length;
  return { room, told: () => room.bmc.trace.slice(before) };
}

const reboot = { nonces: { reboot: "1" } };

describe("a reboot that is asked for", () => {
  it("asks the system to end, and starts it again once it is read off", async () => {
    const { room, told } = await deployed();
    await room.edit(reboot);
    await room.pass(seconds(3));
    await room.pass(seconds(30));
    await room.pass(seconds(30));
    expect(told()).toEqual(["shutdown", "power on"]);
    expect((await room.machine()).status).not.toHaveProperty("ending");
    await room.pass(minutes(20));
    expect(told()).toHaveLength(2);
  });

  it("cuts the power of a system that does not end in five minutes, and not sooner", async () => {
    const { room, told } = await deployed();
    room.bmc.system = "hangs";
    await room.edit(reboot);
    for (const _ of [1, 2, 3, 4]) await room.pass(minutes(1));
    expect(told()).toEqual(["shutdown"]);
    for (const _ of [1, 2, 3, 4]) await room.pass(minutes(1));
    expect(told()).toEqual(["shutdown", "power off", "power on"]);
  });

  it("cuts the power at once where the BMC cannot ask the system", async () => {
    const { room, told } = await deployed();
    room.bmc.system = "unaskable";
    await room.edit(reboot);
    for (const _ of [1, 2]) await room.pass(minutes(1));
    expect(told()).toEqual(["power off", "power on"]);
  });

  it("is done once, and to its end, by operators that know only what is written down", async () => {
    const { room, told } = await deployed();
    room.bmc.system = "hangs";
    await room.edit(reboot);
    for (let minute = 0; minute < 12; minute++) {
      room.restartOperator();
      await room.pass(minutes(1));
    }
    expect(told()).toEqual(["shutdown", "power off", "power on"]);
  });

  it("is not done while the machine is deployed, nor later, and an Event says so", async () => {
    const room = await Room.with(deployDebian);
    await room.settle();
    await room.pass(seconds(3));
    await room.commission();
    await room.grant();
    await room.edit(reboot);
    expect(room.events).toContain("NonceIgnored");
    await room.report({ state: "Written" });
    await room.report({ state: "Succeeded" });
    await room.pass(minutes(11));
    expect(room.bmc.trace).toEqual(["boot network UEFI"]);
  });
});

describe("a deployed machine that is to be off", () => {
  it("is asked to end, and only then cut off", async () => {
    const { room, told } = await deployed();
    await room.edit({ deploy: { ...deployDebian.deploy, power: "Off" } });
    await room.pass(minutes(1));
    expect(told()).toEqual(["shutdown"]);
    await room.edit({ deploy: { ...deployDebian.deploy, power: "On" } });
    await room.pass(minutes(1));
    expect(told()).toEqual(["shutdown", "power on"]);
  });
});

describe("a deployed machine that is taken for a rescue", () => {
  it("has its system ended before, and started again afterwards", async () => {
    const { room, told } = await deployed();
    await room.edit({ mode: "Rescue" });
    await room.pass(seconds(3));
    await room.pass(seconds(30));
    expect(told()).toEqual(["shutdown", "boot network UEFI"]);
    await room.grant();
    await room.edit({ mode: "Active" });
    room.bmc.now = { ...room.bmc.now, power: "off" }; // its agent is refused, and powers off
    await room.pass(seconds(30));
    await room.pass(seconds(30));
    expect((await room.machine()).status?.phase).toBe("Deployed");
    expect(told()).toEqual(["shutdown", "boot network UEFI", "power on"]);
  });
});
