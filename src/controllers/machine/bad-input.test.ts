import { describe, expect, it } from "vitest";
import { KINDS } from "#api/group.ts";
import type { MachineSpec } from "#api/machine.ts";
import { minutes, seconds } from "#base/duration.ts";
import { deployDebian, Room } from "#test/fakes/room.ts";

const signal = AbortSignal.timeout(10_000);

/** What a person sees of a machine that goes no further. */
async function seen(room: Room, name: string) {
  const { status } = await room.machine(name);
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return { stalled: await room.condition("Stalled", name), says: ready?.message ?? "" };
}

const sameMac: Partial<MachineSpec> = {
  boot: { macAddresses: ["52:54:00:00:00:01"], mode: "UEFI", method: "Auto" },
};
const sameBmc: Partial<MachineSpec> = {
  bmc: { address: "redfish://10.9.0.1:443/", credentialsRef: { name: "bmc" } },
};

describe("two Machines that name one thing", () => {
  it.each([
    ["MAC address", sameMac, "DuplicateMac", "52:54:00:00:00:01"],
    ["BMC", sameBmc, "DuplicateBmc", "10.9.0.1"],
  ] as const)("are both left alone, and told which: one %s", async (_, spec, reason, named) => {
    const room = await Room.with(deployDebian);
    await room.add("m2", { ...deployDebian, ...spec }, { systemUuid: null });
    await room.settle();
    for (const __ of [1, 2]) await room.pass(minutes(11));
    for (const [name, other] of [
      ["m1", "m2"],
      ["m2", "m1"],
    ] as const) {
      const { stalled, says } = await seen(room, name);
      expect(stalled).toBe(`True ${reason}`);
      expect(says).toContain(named);
      expect(says).toContain(`Machine lab/${other}`);
      expect(says).toContain("correct one");
    }
    expect(room.events).toEqual([reason, reason]);
    expect([...room.bmcs.values()].flatMap(({ trace }) => trace)).toEqual([]);
    expect(await room.tasks()).toEqual([]);
  });
});

describe("what a Machine names and cannot have", () => {
  it("is an image without a digest for its architecture", async () => {
    const room = await Room.with({ deploy: { imageRef: { name: "arm" }, method: "Disk" } });
    const artifact = {
      ...{ architecture: "arm64", format: "raw", url: "http://images/os", compression: "none" },
      ...{ digest: `sha256:${"b".repeat(64)}`, sectorSize: 512 },
    };
    const spec = { artifacts: [artifact], readiness: "PhoneHome", userDataFormat: "cloud-init" };
    await room.cluster.create(KINDS.osImage, { metadata: { name: "arm" }, spec }, signal);
    await room.settle();
    await room.pass(seconds(3));
    await room.commission();
    await room.pass(minutes(11));
    const { stalled, says } = await seen(room, "m1");
    expect(stalled).toBe("True ImageUnsuitable");
    expect(says).toContain('OSImage "arm" has no artifact for amd64: name another image');
    expect(room.events).toContain("ImageUnsuitable");
    expect((await room.tasks()).map(({ spec: { type } }) => type)).toEqual(["Commission"]);
  });

  it("is an image that no rack can get: it says so while its agent waits for it", async () => {
    const room = await Room.with(deployDebian);
    await room.settle();
    await room.pass(seconds(3));
    await room.commission();
    await room.grant();
    const message = "Rack r1 of zone a: http://images/os sent nothing for 30 s.";
    const ready = { type: "Ready", status: "False", reason: "FetchFailed", message };
    const conditions = [{ ...ready, lastTransitionTime: "2026-01-01T00:00:00Z" }];
    const options = { subresource: "status" } as const;
    const told = { status: { conditions } };
    await room.cluster.mergePatch(KINDS.osImage, { name: "debian" }, told, options, signal);
    await room.pass(seconds(31));
    const { stalled, says } = await seen(room, "m1");
    expect(stalled).toContain("False");
    expect(says).toContain(`OSImage debian: FetchFailed: ${message}`);
  });

  it("is a profile that is not there; when it comes, what it adds is deployed, too", async () => {
    const room = await Room.with({
      ...{ profileRef: { name: "r640" } },
      deploy: { ...deployDebian.deploy, kernelArgs: ["quiet"] },
    });
    await room.settle();
    await room.pass(seconds(3));
    const { stalled, says } = await seen(room, "m1");
    expect(stalled).toBe("True ProfileNotFound");
    expect(says).toContain('no HardwareProfile "r640": apply it');
    expect(room.events).toEqual(["ProfileNotFound"]);
    expect(await room.tasks()).toEqual([]);

    const spec = { kernelArgs: ["isolcpus=1"], sysctl: { "vm.nr_hugepages": "16" } };
    const profile = { metadata: { name: "r640" }, spec };
    await room.cluster.create(KINDS.hardwareProfile, profile, signal);
    const image = { spec: { userDataFormat: "cloud-init" } };
    await room.cluster.mergePatch(KINDS.osImage, { name: "debian" }, image, {}, signal);
    await room.pass(minutes(11));
    await room.commission();
    const deploy = (await room.tasks()).at(-1)?.spec.deploy;
    expect(deploy?.kernelArgs).toEqual(["isolcpus=1", "sysctl.vm.nr_hugepages=16", "quiet"]);
  });

  it("is a zone that is not there", async () => {
    const room = await Room.with({ ...deployDebian, zoneRef: { name: "b" } });
    await room.settle();
    for (const _ of [1, 2]) await room.pass(minutes(11));
    const { stalled, says } = await seen(room, "m1");
    expect(stalled).toBe("True ZoneNotFound");
    expect(says).toBe('There is no Zone "b": apply it.');
    expect(room.events).toEqual(["ZoneNotFound"]);
    expect(room.bmc.trace).toEqual([]);
  });

  it("is a way to deploy that is not built yet", async () => {
    const room = await Room.with({ deploy: { ...deployDebian.deploy, kexec: true } });
    await room.settle();
    await room.pass(seconds(3));
    await room.commission();
    const { stalled, says } = await seen(room, "m1");
    expect(stalled).toBe("True DeployUnsupported");
    expect(says).toContain("leave it out");
    expect(room.events).toContain("DeployUnsupported");
  });

  it("is a way to boot that is not built yet; it is not booted another way", async () => {
    const boot = {
      ...{ macAddresses: ["52:54:00:00:00:01"], mode: "UEFI" as const },
      method: "VirtualMedia" as const,
    };
    const room = await Room.with({ ...deployDebian, boot });
    await room.settle();
    await room.pass(seconds(3));
    const { stalled, says } = await seen(room, "m1");
    expect(stalled).toBe("True DeployUnsupported");
    expect(says).toContain("use Auto, PXE or HTTPBoot");
    expect(room.events).toContain("DeployUnsupported");
    expect(room.bmc.trace).toEqual([]);
    await room.edit({ boot: { ...boot, method: "Auto" } });
    await room.pass(seconds(3));
    expect(room.bmc.trace).toEqual(["boot network UEFI"]);
    expect(await room.condition("Stalled")).toContain("False");
  });
});

describe("a Machine that is deleted", () => {
  it.each(["applied", "commissioning", "deploying", "deployed", "releasing"] as const)(
    "goes at once while it is %s, though its BMC is dead",
    async (moment) => {
      const room = await Room.with(deployDebian);
      await MOMENTS[moment](room);
      room.bmc.failing = "BmcUnreachable";
      await room.pass(minutes(1));
      const told = room.bmc.trace.length;
      await room.delete();
      await expect(room.machine()).rejects.toThrow("no Machine");
      expect(room.bmc.trace).toHaveLength(told);
    },
  );
});

const MOMENTS = {
  applied: async () => {},
  commissioning: async (room: Room) => {
    await room.settle();
    await room.pass(seconds(3));
  },
  deploying: async (room: Room) => {
    await MOMENTS.commissioning(room);
    await room.commission();
    await room.grant();
  },
  deployed: (room: Room) => room.deploy(),
  releasing: async (room: Room) => {
    await room.deploy();
    await room.edit({ deploy: null });
  },
} as const satisfies Record<string, (room: Room) => Promise<void>>;
