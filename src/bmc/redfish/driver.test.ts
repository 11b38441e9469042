import { describe, expect, it } from "vitest";
import { systemClock } from "#base/clock.ts";
import { Failure } from "#base/failure.ts";
import {
  BadBmc,
  empty,
  failureOf,
  isReset,
  isSystem,
  json,
  openBad,
  type Seen,
  soon,
  TRUSTED,
} from "#test/fakes/bad-bmc.ts";
import { startSimulated } from "#test/fakes/simulated-bmc.ts";

describe("a boot override", () => {
  const boots = (bad: BadBmc): readonly Seen[] =>
    bad.seen.filter((seen) => isSystem(seen, "PATCH"));

  it("is set, read back, and then the machine started, in four requests", async () => {
    await using bad = await BadBmc.start();
    await using bmc = openBad(bad.address);
    await bmc.observe(soon());
    const before = bad.requests.length;
    await bmc.bootOnce("network", "UEFI", soon());
    expect(bad.requests.slice(before)).toStrictEqual([
      "GET /redfish/v1/Systems/1",
      "PATCH /redfish/v1/Systems/1",
      "GET /redfish/v1/Systems/1",
      "POST /redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
    ]);
    expect(JSON.parse(boots(bad)[0]?.body ?? "")).toStrictEqual({
      Boot: {
        BootSourceOverrideEnabled: "Once",
        BootSourceOverrideTarget: "Pxe",
        BootSourceOverrideMode: "UEFI",
      },
    });
    expect(boots(bad)[0]?.headers).toMatchObject({ "if-match": 'W/"1"', "content-length": "110" });
  });

  it("that a BMC takes and does not show keeps the machine off, and is not set twice", async () => {
    await using bad = await BadBmc.start();
    await using bmc = openBad(bad.address);
    const shown = { ...bad.system, Boot: { ...bad.system.Boot } };
    let stale = true;
    bad.fault = (seen, response) => {
      if (!isSystem(seen) || !stale) return false;
      json(response, 200, shown);
      return true;
    };
    expect((await failureOf(bmc.bootOnce("network", "UEFI", soon()))).reason).toBe("BmcBusy");
    expect(bad.seen.filter(isReset)).toHaveLength(0);
    stale = false;
    await bmc.bootOnce("network", "UEFI", soon());
    expect(boots(bad)).toHaveLength(1);
    expect(bad.seen.filter(isReset)).toHaveLength(1);
  });

  it("that is shown as Continuous is taken after we set it, and set again where we did not", async () => {
    await using bad = await BadBmc.start((seen) => {
      if (isSystem(seen)) bad.system.Boot["BootSourceOverrideEnabled"] = "Continuous";
      return false;
    });
    bad.system.Boot["BootSourceOverrideTarget"] = "Pxe";
    await using bmc = openBad(bad.address);
    await bmc.bootOnce("network", "UEFI", soon());
    expect(boots(bad)).toHaveLength(1);
    expect(bad.seen.filter(isReset)).toHaveLength(1);
  });

  it.each<[string, (header: string | undefined) => boolean, string | undefined]>([
    ["the strong form of a weak one", (header) => header === '"1"', '"1"'],
    ["only *", (header) => header === "*", "*"],
    ["none", (header) => header === undefined, undefined],
  ])("finds the tag that the BMC takes: %s", async (_, takes, wanted) => {
    await using bad = await BadBmc.start((seen, response) => {
      const header = seen.headers["if-match"];
      const refused =
        isSystem(seen, "PATCH") && !takes(header === undefined ? header : String(header));
      if (refused) empty(response, 412);
      return refused;
    });
    await using bmc = openBad(bad.address);
    await bmc.bootOnce("network", "UEFI", soon());
    expect(boots(bad).at(-1)?.headers["if-match"]).toBe(wanted);
  });

  it("leaves out the mode where nobody may write it", async () => {
    await using bad = await BadBmc.start((seen, response) => {
      const refused = isSystem(seen, "PATCH") && seen.body.includes("BootSourceOverrideMode");
      if (refused) empty(response, 400);
      return refused;
    });
    await using bmc = openBad(bad.address);
    await bmc.bootOnce("network", "UEFI", soon());
    expect(bad.system.PowerState).toBe("On");
  });

  it("that is not offered is refused without a write", async () => {
    await using bad = await BadBmc.start();
    bad.system.Boot["BootSourceOverrideTarget@Redfish.AllowableValues"] = ["None", "Hdd"];
    await using bmc = openBad(bad.address);
    expect((await failureOf(bmc.bootOnce("network", "UEFI", soon()))).reason).toBe(
      "BmcUnsupported",
    );
    expect(boots(bad)).toHaveLength(0);
  });
});

describe("power", () => {
  it.each([
    ["on", "PoweringOn", null],
    ["off", "PoweringOff", null],
    ["off", "PoweringOn", "ForceOff"],
    ["off", "Paused", "ForceOff"],
    ["on", "Off", "On"],
  ] as const)("%s while %s sends %s", async (want, state, sent) => {
    await using bad = await BadBmc.start();
    bad.system.PowerState = state;
    await using bmc = openBad(bad.address);
    await bmc.setPower(want, soon());
    const resets = bad.seen.filter(isReset).map(({ body }) => JSON.parse(body).ResetType);
    expect(resets).toStrictEqual(sent === null ? [] : [sent]);
  });

  it("waits, and touches nothing, when it is to go on while it is going off", async () => {
    await using bad = await BadBmc.start();
    bad.system.PowerState = "PoweringOff";
    await using bmc = openBad(bad.address);
    expect((await failureOf(bmc.setPower("on", soon()))).reason).toBe("BmcBusy");
    expect((await failureOf(bmc.bootOnce("network", "UEFI", soon()))).reason).toBe("BmcBusy");
    expect(bad.seen.filter(({ method }) => method === "PATCH" || method === "POST")).toHaveLength(
      1,
    );
  });

  it("says that it cannot ask the system where the BMC offers no way to, and sends nothing", async () => {
    await using bad = await BadBmc.start();
    bad.system.PowerState = "On";
    bad.system["Actions"] = {
      "#ComputerSystem.Reset": { "ResetType@Redfish.AllowableValues": ["On", "ForceOff"] },
    };
    await using bmc = openBad(bad.address);
    expect(await bmc.shutdown(soon())).toBe(false);
    expect(bad.seen.filter(isReset)).toHaveLength(0);
  });

  it("uses what the BMC offers, also where only its ActionInfo says so", async () => {
    const info = "/redfish/v1/Systems/1/ResetActionInfo";
    await using bad = await BadBmc.start((seen, response) => {
      const Parameters = [{ Name: "ResetType", AllowableValues: ["ForceOn", "ForceOff"] }];
      if (seen.path === info) json(response, 200, { Parameters });
      return seen.path === info;
    });
    bad.system["Actions"] = { "#ComputerSystem.Reset": { "@Redfish.ActionInfo": info } };
    await using bmc = openBad(bad.address);
    await bmc.setPower("on", soon());
    expect(bad.seen.filter(isReset).map(({ body }) => body)).toStrictEqual([
      '{"ResetType":"ForceOn"}',
    ]);
  });

  it("is left alone by a gate that says no, which reads still pass", async () => {
    await using bad = await BadBmc.start();
    await using bmc = openBad(bad.address, TRUSTED, {
      clock: systemClock,
      gate: async (kind) => {
        if (kind === "write") throw new Failure("NotLeader", "another replica has the Lease");
      },
    });
    expect((await bmc.observe(soon())).power).toBe("off");
    expect((await failureOf(bmc.bootOnce("network", "UEFI", soon()))).reason).toBe("NotLeader");
    expect(bad.system).toMatchObject({
      PowerState: "Off",
      Boot: { BootSourceOverrideEnabled: "Disabled" },
    });
  });
});

describe("a replica that lost its Lease after the gate", () => {
  it.each([
    ["while it was connecting", 0],
    ["before it wrote its last request to the connection that it had", 3],
  ])("%s sends no byte of the request", async (_, before) => {
    let mayAsk = before > 0;
    await using simulated = await startSimulated();
    await using bmc = simulated.open({
      mayAsk: () => mayAsk,
      gate: async () => {
        // The gate is open; the Lease is lost between it and the write.
        mayAsk = simulated.bmc.counters.requests < before;
      },
    });
    expect((await failureOf(bmc.observe(soon()))).reason).toBe("NotLeader");
    expect(simulated.bmc.counters.requests).toBe(before);
  });
});
