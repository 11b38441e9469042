import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { systemClock } from "#base/clock.ts";
import type { Ipv4 } from "#base/ipv4.ts";
import { createLog } from "#base/log.ts";
import { Credentials } from "#bmc/credentials.ts";
import type { BmcDriver } from "#bmc/driver.ts";
import { openGate } from "#bmc/gate.ts";
import { openBmc } from "#bmc/open.ts";
import { failureOf, soon } from "#test/fakes/bad-bmc.ts";
import { ACCOUNT, runForEver } from "#test/fakes/simulated-bmc.ts";
import { AdminClient } from "./admin-client.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import { numbered } from "./numbered.ts";

async function start(count: number): Promise<{ fleet: Fleet; admin: AdminClient }> {
  const bmc = { host: "127.77.0.1" as Ipv4, port: 0 };
  const fleet = await startFleet(
    {
      machines: numbered({ count, prefix: "m-", first: 1, bmc, disks: 2 }),
      account: ACCOUNT,
      speed: 1_000,
      admin: { host: "127.0.0.1", port: 0 },
    },
    { clock: systemClock, log: createLog("test", "fatal"), boot: runForEver },
    new AbortController().signal,
  );
  return { fleet, admin: new AdminClient(fleet.adminUrl ?? "") };
}

const open = (address: string, ca: string): BmcDriver =>
  openBmc(
    address,
    new Credentials(ACCOUNT.username, ACCOUNT.password),
    { mode: "Verify", ca },
    { clock: systemClock, gate: openGate },
  );

describe("a fleet", () => {
  it("gives each machine an address, a certificate and an identity of its own", async () => {
    const { fleet, admin } = await start(20);
    await using _ = fleet;
    const views = await admin.machines(soon());
    const distinct = (of: (view: (typeof views)[number]) => unknown): number =>
      new Set(views.map(of)).size;
    expect(views).toHaveLength(20);
    expect(distinct(({ address }) => address)).toBe(20);
    expect(distinct(({ fingerprint }) => fingerprint)).toBe(20);
    expect(distinct(({ board }) => board.uuid)).toBe(20);
    expect(new Set(views.flatMap(({ board }) => board.macs)).size).toBe(40);
    expect(new Set(views.flatMap(({ disks }) => disks.map(({ wwn }) => wwn))).size).toBe(40);
  });

  it("counts what a driver does to a machine, and nothing for the others", async () => {
    const { fleet, admin } = await start(2);
    await using _ = fleet;
    const [one, other] = await admin.machines(soon());
    await using bmc = open(one?.address ?? "", await admin.ca(soon()));
    await bmc.bootOnce("network", "UEFI", soon());
    const signal = soon();
    while ((await admin.machine("m-0001", signal)).counters.boots.network !== 1) {
      await setTimeout(2, undefined, { signal });
    }
    expect(await admin.machine("m-0001", soon())).toMatchObject({
      power: "On",
      counters: { resets: { On: 1 }, powerOns: 1 },
      bmc: { logins: 1, requests: 7, writes: 2, overlaps: 0 },
    });
    expect(await admin.machine("m-0002", soon())).toStrictEqual(other);
  });

  it("lets a test meddle: boards, disks, faults, the button, swapped cables", async () => {
    const { fleet, admin } = await start(2);
    await using _ = fleet;
    const [one, two] = await admin.machines(soon());
    const uuid = two?.board.uuid ?? "";
    const edited = await admin.edit(
      "m-0001",
      { board: { uuid }, disks: { sda: { kind: "foreign" } }, press: "on" },
      soon(),
    );
    expect(edited).toMatchObject({ board: { uuid }, counters: { resets: {}, powerOns: 1 } });
    expect(edited.disks[0]?.content).toStrictEqual({ kind: "foreign" });
    await admin.swap("m-0001", "m-0002", soon());
    await using bmc = openBmc(
      one?.address ?? "",
      new Credentials(ACCOUNT.username, ACCOUNT.password),
      { mode: "Insecure" },
      { clock: systemClock, gate: openGate },
    );
    expect((await bmc.observe(soon())).serial).toBe(two?.board.serial);
    await admin.edit("m-0002", { faults: { dead: true } }, soon());
    expect((await failureOf(bmc.observe(soon()))).reason).toBe("BmcUnreachable");
  });

  it("refuses an edit that it does not know", async () => {
    const { fleet, admin } = await start(1);
    await using _ = fleet;
    const typo = { disk: {} } as object;
    await expect(admin.edit("m-0001", typo, soon())).rejects.toThrow('no edit "disk"');
    await expect(admin.machine("m-0009", soon())).rejects.toThrow("400");
  });

  it("is gone when its signal ends", async () => {
    const stop = new AbortController();
    const bmc = { host: "127.77.0.1" as Ipv4, port: 0 };
    const machines = numbered({ count: 1, prefix: "m-", first: 1, bmc, disks: 1 });
    const config = { machines, account: ACCOUNT, speed: 1, admin: null };
    const deps = { clock: systemClock, log: createLog("test", "fatal"), boot: runForEver };
    const fleet = await startFleet(config, deps, stop.signal);
    stop.abort();
    await fleet[Symbol.asyncDispose]();
    await using driver = open(fleet.server.address("m-0001"), fleet.server.ca.certificate);
    expect((await failureOf(driver.observe(soon()))).reason).toBe("BmcUnreachable");
  });
});
