/** What must never happen to a machine, counted where the machines are. */
import { describe, expect, it } from "vitest";
import type { MachineConfig } from "#sim/fleet.ts";
import { resetsOf, type Scene, useScene } from "./scene.ts";

const scene = useScene({ zone: "safe", machines: 20 });

/** What was done to a server so far, by anybody. */
async function deeds(s: Scene, ...servers: readonly MachineConfig[]) {
  const views = await Promise.all(servers.map(({ name }) => s.seen(name)));
  return views.map((view) => ({
    resets: resetsOf(view),
    orders: view.bmc.writes,
    writes: view.counters.diskWrites,
    erases: view.counters.erases,
  }));
}

const NOTHING = { resets: 0, orders: 0, writes: 0, erases: 0 };

describe.concurrent("a machine that runs already, and that nobody knows", () => {
  it("is never reset, and waits for a person's word", async () => {
    const s = scene();
    const server = s.server();
    const content = { kind: "foreign" } as const;
    await s.room.admin.edit(server.name, { disks: { sda: content }, press: "on" }, s.signal);
    await expect.poll(async () => (await s.seen(server.name)).power).toBe("On");

    await s.enrol(server, { deploy: { imageRef: { name: s.room.image.name } } });

    expect(await s.stalled(server.name, "AdoptionRequired")).toMatch(/spec\.adoption/);
    await s.poke(server.name);
    expect(await deeds(s, server)).toEqual([NOTHING]);
    expect((await s.seen(server.name)).disks[0]?.content).toEqual(content);
    expect(s.tasksOf(server.name)).toEqual([]);
  });
});

describe.concurrent("two BMC addresses that are swapped", () => {
  it("after the machines were deployed stop both, by their certificates", async () => {
    const s = scene();
    const pair = [s.server(), s.server()] as const;
    await Promise.all(pair.map((server) => s.deployed(server)));
    const before = await deeds(s, ...pair);

    await s.room.admin.swap(pair[0].name, pair[1].name, s.signal);
    for (const { name } of pair) await s.edit(name, { deploy: null });

    for (const { name } of pair) {
      expect(await s.stalled(name, "BmcCertificateChanged")).toMatch(/shows .* the pin is/);
    }
    expect(await deeds(s, ...pair)).toEqual(before);
  });

  it("stop both by who answers, where certificates are not looked at", async () => {
    const s = scene();
    const pair = [s.server(), s.server()] as const;
    await Promise.all(
      pair.map((server) =>
        s.deployed(server, { bmc: { ...s.bmcOf(server), tls: { mode: "Insecure" } } }),
      ),
    );
    const before = await deeds(s, ...pair);

    await s.room.admin.swap(pair[0].name, pair[1].name, s.signal);
    for (const { name } of pair) await s.edit(name, { deploy: null });

    for (const [at, { name }] of pair.entries()) {
      expect(await s.stalled(name, "IdentityChanged")).toContain(pair[1 - at]?.board.uuid);
    }
    expect(await deeds(s, ...pair)).toEqual(before);
  });

  it("before anybody knew the machines write nothing, and a condition says so", async () => {
    const s = scene();
    const pair = [s.server(), s.server()] as const;
    await s.room.admin.swap(pair[0].name, pair[1].name, s.signal);
    for (const server of pair)
      await s.enrol(server, { deploy: { imageRef: { name: s.room.image.name } } });

    for (const [at, { name }] of pair.entries()) {
      expect(await s.stalled(name, "IdentityChanged")).toContain(pair[at]?.board.uuid);
    }
    for (const server of pair) await s.poke(server.name);
    for (const { writes, erases } of await deeds(s, ...pair)) {
      expect({ writes, erases }).toEqual({ writes: 0, erases: 0 });
    }
  });
});

describe.concurrent("one system UUID on two boards", () => {
  it("stops both, and lets both go on once it is corrected", async () => {
    const s = scene();
    const [one, other] = [s.server(), s.server()];
    await s.room.admin.edit(other.name, { board: { uuid: one.board.uuid } }, s.signal);
    await s.enrol(one);
    await s.enrol(other);

    for (const { name } of [one, other]) {
      expect(await s.stalled(name, "DuplicateIdentity")).toContain(one.board.uuid);
    }
    await s.poke(one.name);
    await s.poke(other.name);
    expect(await deeds(s, one, other)).toEqual([NOTHING, NOTHING]);

    await s.room.admin.edit(other.name, { board: { uuid: other.board.uuid } }, s.signal);
    await s.poke(other.name);
    await Promise.all([one, other].map(({ name }) => s.phase(name, "Ready")));
  });
});
