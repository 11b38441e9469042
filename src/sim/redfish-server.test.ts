import { describe, expect, it } from "vitest";
import { systemClock } from "#base/clock.ts";
import { Credentials } from "#bmc/credentials.ts";
import { openGate } from "#bmc/gate.ts";
import { openBmc } from "#bmc/open.ts";
import { failureOf, soon } from "#test/fakes/bad-bmc.ts";
import { ACCOUNT, board, machine, startSimulated } from "#test/fakes/simulated-bmc.ts";
import { GENERIC, HEALTHY } from "./personality.ts";
import { RedfishBmc } from "./redfish-bmc.ts";
import { RedfishServer } from "./redfish-server.ts";

const deps = { clock: systemClock, gate: openGate };
const credentials = new Credentials(ACCOUNT.username, ACCOUNT.password);

describe("a simulated BMC", () => {
  it("refuses connections while it is dead, and comes back at the same address", async () => {
    await using simulated = await startSimulated();
    await using bmc = simulated.open();
    await bmc.observe(soon());
    simulated.bmc.faults = { ...HEALTHY, dead: true };
    await simulated.server.refresh(simulated.bmc);
    expect((await failureOf(bmc.observe(soon()))).message).toContain("ECONNREFUSED");
    simulated.bmc.faults = HEALTHY;
    await simulated.server.refresh(simulated.bmc);
    expect((await bmc.observe(soon())).power).toBe("off");
  });

  it("hangs", async () => {
    await using simulated = await startSimulated();
    simulated.bmc.faults = { ...HEALTHY, hang: true };
    await using bmc = simulated.open();
    const failed = await failureOf(bmc.observe(AbortSignal.timeout(100)));
    expect(failed.reason).toBe("BmcUnreachable");
  });

  it("refuses logins and counts them", async () => {
    await using simulated = await startSimulated();
    simulated.bmc.faults = { ...HEALTHY, refuseLogins: true };
    await using bmc = simulated.open();
    expect((await failureOf(bmc.observe(soon()))).reason).toBe("BmcCredentialsRejected");
    expect(simulated.bmc.counters).toMatchObject({ logins: 0, refusedLogins: 1 });
  });

  it("is busy for as long as it says", async () => {
    await using simulated = await startSimulated();
    simulated.bmc.faults = { ...HEALTHY, busySeconds: 30 };
    await using bmc = simulated.open();
    expect(await failureOf(bmc.observe(soon()))).toMatchObject({
      reason: "BmcBusy",
      retryAfter: 30_000,
    });
  });

  it("takes power orders and ignores them", async () => {
    await using simulated = await startSimulated();
    simulated.bmc.faults = { ...HEALTHY, ignorePower: true };
    await using bmc = simulated.open();
    await bmc.setPower("on", soon());
    expect(simulated.bmc.machine.power).toBe("Off");
  });

  it("forgets boot overrides, and then nothing is started", async () => {
    await using simulated = await startSimulated();
    simulated.bmc.faults = { ...HEALTHY, ignoreBoot: true };
    await using bmc = simulated.open();
    expect((await failureOf(bmc.bootOnce("network", "UEFI", soon()))).reason).toBe("BmcBusy");
    expect(simulated.bmc.machine.counters.resets).toStrictEqual({});
  });

  it("that is fragile notices two requests at a time; one driver never makes them", async () => {
    await using simulated = await startSimulated();
    simulated.bmc.faults = { ...HEALTHY, latencyMs: 5 };
    await using bmc = simulated.open();
    await Promise.all([1, 2, 3].map(() => bmc.observe(soon())));
    expect(simulated.bmc.counters.overlaps).toBe(0);
    const request = { method: "GET", path: "/redfish/v1/", headers: {}, body: "" };
    const both = [1, 2].map(() => simulated.bmc.answer(request, soon()));
    expect((await Promise.all(both)).map(({ status }) => status)).toStrictEqual([200, 503]);
    expect(simulated.bmc.counters.overlaps).toBe(1);
  });

  it("has few places for sessions, and its driver leaves none behind", async () => {
    await using simulated = await startSimulated({ sessionLimit: 1 });
    for (const bmc of [simulated.open(), simulated.open(), simulated.open()]) {
      await bmc.observe(soon());
      await bmc[Symbol.asyncDispose]();
    }
    expect(simulated.bmc.sessions.ids()).toStrictEqual([]);
    expect(simulated.bmc.counters.logins).toBe(3);
  });

  it("shows a certificate of its own, which may change", async () => {
    await using simulated = await startSimulated();
    const pinned = { mode: "PinOnFirstUse", pin: null } as const;
    await using bmc = openBmc(simulated.address, credentials, pinned, deps);
    const { fingerprint } = await bmc.observe(soon());
    expect(fingerprint).toBe(simulated.server.fingerprint(simulated.bmc));
    simulated.server.renewCertificate(simulated.bmc);
    expect((await failureOf(bmc.observe(soon()))).reason).toBe("BmcCertificateChanged");
  });
});

describe("two BMCs whose cables were swapped", () => {
  it("answer as the other one, with its certificate", async () => {
    await using server = new RedfishServer();
    const options = { personality: GENERIC, account: ACCOUNT, clock: systemClock };
    const [one, other] = [1, 2].map((n) => new RedfishBmc(machine(n), options));
    if (one === undefined || other === undefined) throw new Error("two were made");
    const address = await server.add("a", one, { host: "127.0.0.1", port: 0 });
    await server.add("b", other, { host: "127.0.0.2", port: 0 });
    await using bmc = openBmc(address, credentials, { mode: "Insecure" }, deps);
    const before = await bmc.observe(soon());
    server.swap("a", "b");
    const after = await bmc.observe(soon());
    expect([before.systemUuid, after.systemUuid]).toStrictEqual([board(1).uuid, board(2).uuid]);
    expect(after.fingerprint).toBe(server.fingerprint(other));
  });
});
