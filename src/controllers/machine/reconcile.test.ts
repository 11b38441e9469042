import { describe, expect, it } from "vitest";
import { KINDS } from "#api/group.ts";
import { minutes, seconds } from "#base/duration.ts";
import { ApiError } from "#kube/client.ts";
import { deployDebian, Room } from "#test/fakes/room.ts";

const KEY = "a1";

describe("a machine's way", () => {
  it("leads from applied to Deployed by one boot, and keeps its promise of few writes", async () => {
    const room = await Room.with(deployDebian);
    await room.deploy();
    const { status } = await room.machine();
    expect(status).toMatchObject({
      phase: "Deployed",
      epoch: 2,
      boot: "Local",
      image: "debian",
      addresses: [{ mac: "52:54:00:00:00:01", ip: "10.0.0.1", subnet: "boot" }],
      identity: { systemUUID: "4c4c4544-0035-5810-8054-b3c04f4d4431", proven: true },
      hardware: { cpus: 4, memoryMiB: 16_384, disks: 1, diskGiB: 500 },
      applied: { disk: "Written" },
    });
    expect(await room.condition("Ready")).toBe("True Deployed");
    expect(room.bmc.trace).toEqual(["boot network UEFI"]);
    expect(room.events).toEqual(["Ready", "Deployed"]);
    // With the rack's 4 task statuses and inventory, and 2 Events: what design section 3 counts.
    expect(room.writesOfOperator()).toEqual({
      "patch machines/status": 4,
      "patch machines": 1,
      "create machinetasks": 2,
    });
    expect((await room.tasks()).map(({ spec, status }) => `${spec.type} ${status?.state}`)).toEqual(
      ["Commission Succeeded", "Deploy Succeeded"],
    );
  });

  it("gives machines that are looked at at once different addresses", async () => {
    const room = await Room.with();
    for (const n of [2, 3, 4]) await room.add(`m${n}`, {}, { systemUuid: null });
    await room.settle();
    await room.pass(seconds(3));
    const ips = await Promise.all(
      [1, 2, 3, 4].map(async (n) => (await room.machine(`m${n}`)).status?.addresses?.[0]?.ip),
    );
    expect(new Set(ips).size).toBe(4);
  });

  it("gives nobody the address of a rack", async () => {
    const room = await Room.with();
    const soon = AbortSignal.timeout(5_000);
    const status = { status: { addresses: ["10.0.0.1"] } };
    const rack = { metadata: { name: "r" }, spec: { zone: "a" } };
    await room.cluster.create(KINDS.rack, rack, soon);
    const options = { subresource: "status" } as const;
    await room.cluster.mergePatch(KINDS.rack, { name: "r" }, status, options, soon);
    await room.settle();
    await room.pass(seconds(3));
    expect((await room.machine()).status?.addresses?.[0]?.ip).toBe("10.0.0.2");
  });

  it("tells in an Event that the API server refuses its status, where no condition can", async () => {
    const room = await Room.with(deployDebian);
    const message = "spec.deploy and a claim exclude each other: release the claim first";
    room.onCall = ({ verb, subresource }) => {
      if (verb !== "patch" || subresource !== "status") return;
      throw new ApiError({ code: 422, reason: "Invalid", message });
    };
    await room.settle();
    await expect(room.pass(seconds(3))).rejects.toThrow(message);
    expect(room.events).toContain("StatusRefused");
  });

  it("records what it is about to write before it makes the task that writes", async () => {
    const room = await Room.with(deployDebian);
    await room.settle();
    await room.pass(seconds(3));
    await room.commission();
    const { metadata } = await room.machine();
    expect(JSON.parse(metadata.annotations?.["steelyard.dev/record"] ?? "")).toMatchObject({
      epoch: 2,
      applied: { image: "debian", disk: "Written" },
    });
    expect(metadata.finalizers).toEqual(["steelyard.dev/machine"]);
  });

  it("goes back to Ready by way of an erase when spec.deploy is taken away", async () => {
    const room = await Room.with(deployDebian);
    await room.deploy();
    await room.edit({ deploy: null });
    await room.pass(seconds(10));
    await room.pass(seconds(10));
    expect((await room.machine()).status?.phase).toBe("Releasing");
    expect(room.bmc.trace).toEqual(["boot network UEFI", "power off", "boot network UEFI"]);
    await room.grant();
    await room.report({ state: "Succeeded" });
    const { status } = await room.machine();
    expect(status).toMatchObject({ phase: "Ready", applied: { disk: "Erased" }, boot: "Hold" });
    expect(status?.applied).not.toHaveProperty("imageDigest");
    expect(status?.lastErase?.method).toBe("Secure");
  });

  it("frees a machine at once if nothing was written yet", async () => {
    const room = await Room.with(deployDebian);
    await room.settle();
    await room.pass(seconds(3));
    await room.commission();
    await room.edit({ deploy: null });
    expect((await room.machine()).status?.phase).toBe("Ready");
    expect((await room.tasks()).map(({ status }) => status?.state)).toEqual([
      "Succeeded",
      "Canceled",
    ]);
  });

  it("tries again from off when the agent fails, and gives up after three attempts", async () => {
    const room = await Room.with(deployDebian);
    await room.settle();
    await room.pass(seconds(3));
    await room.commission();
    for (const _ of [1, 2, 3]) {
      await room.grant();
      await room.report({ state: "Failed", reason: "DiskTooSmall", message: "4 GiB are needed." });
      await room.pass(seconds(10));
      await room.pass(minutes(2));
    }
    expect(await room.condition("Stalled")).toBe("True GivenUp");
    expect((await room.machine()).status?.conditions?.[0]?.message).toContain("4 GiB are needed.");
    expect(room.bmc.trace.filter((what) => what === "power off")).toHaveLength(2);
  });
});

describe("user data", () => {
  const withData = {
    deploy: { ...deployDebian.deploy, userDataSecretRef: { name: "hello" } },
  } as const;

  it("is in the zone's namespace while its task lives, and gone afterwards", async () => {
    const room = await Room.with(withData);
    await room.secret("hello", "steelyard.dev/user-data", { userData: "#cloud-config" });
    await room.settle();
    await room.pass(seconds(3));
    await room.commission();
    expect(await room.seeds()).toEqual(["m1-00000000-deploy-2-1"]);
    await room.grant();
    await room.report({ state: "Written" });
    await room.report({ state: "Succeeded" });
    expect(await room.seeds()).toEqual([]);
  });

  it("is gone with a Machine that is deleted in the middle", async () => {
    const room = await Room.with(withData);
    await room.secret("hello", "steelyard.dev/user-data", { userData: "#cloud-config" });
    await room.settle();
    await room.pass(seconds(3));
    await room.commission();
    await room.delete();
    expect(await room.seeds()).toEqual([]);
  });

  it("is refused from a Secret that is meant for something else", async () => {
    const room = await Room.with(withData);
    await room.secret("hello", "kubernetes.io/basic-auth", { userData: "root:root" });
    await room.settle();
    await room.pass(seconds(3));
    await room.commission();
    expect(await room.condition("Stalled")).toBe("True SecretForbidden");
    expect(await room.seeds()).toEqual([]);
  });
});

describe("a machine that must not be touched", () => {
  it.each([
    ["a stranger that is on", {}, { power: "on" }, "AdoptionRequired"],
    ["one in a zone that is not there", { zoneRef: { name: "b" } }, {}, "ZoneNotFound"],
  ] as const)("is %s", async (_, spec, bmc, reason) => {
    const room = await Room.with({ ...deployDebian, ...spec }, bmc);
    await room.settle();
    for (const __ of [1, 2, 3]) await room.pass(minutes(11));
    expect(await room.condition("Stalled")).toBe(`True ${reason}`);
    expect(room.bmc.trace).toEqual([]);
    expect(await room.tasks()).toEqual([]);
  });

  it("is one that shares its MAC address with another", async () => {
    const room = await Room.with(deployDebian);
    const macAddresses = ["52:54:00:00:00:01"];
    const boot = { macAddresses, mode: "UEFI", method: "Auto" } as const;
    await room.add("m2", { ...deployDebian, boot }, { systemUuid: null });
    await room.settle();
    await room.pass(seconds(3));
    expect(await room.condition("Stalled", "m1")).toBe("True DuplicateMac");
    expect(await room.condition("Stalled", "m2")).toBe("True DuplicateMac");
    expect(await room.tasks()).toEqual([]);
  });

  it("is one whose BMC reports the system UUID of another", async () => {
    const room = await Room.with(deployDebian);
    await room.add("m2", deployDebian);
    await room.settle();
    await room.pass(seconds(3));
    expect(await room.condition("Stalled", "m1")).toBe("True DuplicateIdentity");
    expect(await room.condition("Stalled", "m2")).toBe("True DuplicateIdentity");
    expect([...room.bmcs.values()].flatMap(({ trace }) => trace)).toEqual([]);
  });

  it("is one whose BMC answers for another machine", async () => {
    const room = await Room.with(deployDebian);
    await room.deploy();
    room.bmc.now = { ...room.bmc.now, systemUuid: "00000000-1111-2222-3333-444444444444" };
    await room.pass(minutes(11));
    await room.edit({ deploy: null });
    expect(await room.condition("Stalled")).toBe("True IdentityChanged");
    expect(room.bmc.trace).toEqual(["boot network UEFI"]);
  });
});

describe("what is missing or wrong", () => {
  it("is said of an image that is not there, and the deploy goes on when it comes", async () => {
    const room = await Room.with({ deploy: { imageRef: { name: KEY }, method: "Disk" } });
    await room.settle();
    await room.pass(seconds(3));
    await room.commission();
    expect(await room.condition("Stalled")).toBe("True ImageNotFound");
    await room.edit({ deploy: { imageRef: { name: "debian" } } });
    expect((await room.machine()).status?.phase).toBe("Deploying");
  });

  it("is said of a BMC that does not answer", async () => {
    const room = await Room.with(deployDebian);
    room.bmc.failing = "BmcCredentialsRejected";
    await room.settle();
    expect(await room.condition("Stalled")).toBe("True BmcCredentialsRejected");
    room.bmc.failing = null;
    await room.pass(minutes(2));
    await room.pass(seconds(3));
    expect((await room.machine()).status?.phase).toBe("Commissioning");
  });
});

describe("a lost status", () => {
  it.each(["with its record", "without its record"])("costs no data: %s", async (how) => {
    const room = await Room.with(deployDebian);
    await room.deploy();
    await room.loseStatus();
    if (how === "without its record") await room.loseRecord();
    room.restartOperator();
    await room.pass(minutes(11));
    await room.pass(minutes(11));
    expect((await room.machine()).status?.phase).toBe("Deployed");
    expect(room.bmc.trace).toEqual(["boot network UEFI"]);
    expect((await room.tasks()).map(({ spec }) => spec.type)).toEqual(["Commission", "Deploy"]);
  });

  it("costs no data when everything but the record is lost", async () => {
    const room = await Room.with(deployDebian);
    await room.deploy();
    await room.loseStatus();
    await room.loseTasks();
    room.restartOperator();
    await room.pass(minutes(11));
    expect((await room.machine()).status).toMatchObject({ phase: "Deployed", image: "debian" });
    expect(await room.tasks()).toEqual([]);
  });

  it("makes a stranger of a machine of which nothing at all is known", async () => {
    const room = await Room.with(deployDebian);
    await room.deploy();
    await room.loseStatus();
    await room.loseRecord();
    await room.loseTasks();
    room.restartOperator();
    await room.pass(minutes(11));
    await room.pass(seconds(3));
    expect(await room.condition("Stalled")).toBe("True AdoptionRequired");
    expect(room.bmc.trace).toEqual(["boot network UEFI"]);
  });
});
