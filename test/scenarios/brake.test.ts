/** spec.deploy is taken away from a room of machines in one commit: the brake holds most of them. */
import { beforeAll, describe, expect, it } from "vitest";
import { KINDS } from "#api/group.ts";
import { DEFAULT_RELEASES_PER_HOUR } from "#api/zone.ts";
import type { MachineConfig } from "#sim/fleet.ts";
import { resetsOf, type Scene, stallOf, useScene } from "./scene.ts";

const MACHINES = 50;
const DISKS = 2;
const scene = useScene({ zone: "brake", machines: MACHINES, speed: 200 });
let room: readonly MachineConfig[] = [];

beforeAll(async () => {
  const s = scene();
  room = Array.from({ length: MACHINES }, () => s.server());
  await Promise.all(room.map((server) => s.deployed(server)));
});

/** One commit, as a GitOps tool applies it. */
const commit = (s: Scene, spec: object): Promise<unknown> =>
  Promise.all(room.map(({ name }) => s.edit(name, spec)));
const withDeploy = (s: Scene) => ({ deploy: { imageRef: { name: s.room.image.name } } });

const limit = (s: Scene, limits: object | null): Promise<unknown> =>
  s.client.mergePatch(KINDS.zone, { name: s.zone }, { spec: { limits } }, {}, s.signal);

async function deeds(s: Scene, names: readonly string[]) {
  const views = await Promise.all(names.map((name) => s.seen(name)));
  return views.map((view) => [view.name, resetsOf(view), view.counters.erases]);
}

describe("spec.deploy, taken away from fifty machines in one commit", () => {
  it("erases none where the zone allows no releases, and is no harm once it is put back", async () => {
    const s = scene();
    const names = room.map(({ name }) => name);
    const before = await deeds(s, names);
    await limit(s, { maxReleasesPerHour: 0 });

    await commit(s, { deploy: null });
    await Promise.all(names.map((name) => s.stalled(name, "ReleaseBrake")));

    await commit(s, withDeploy(s));
    await Promise.all(names.map((name) => s.until(name, "itself", isItself)));
    expect(await deeds(s, names)).toEqual(before);
    expect(names.filter((name) => s.history.made(name, "Erase") > 0)).toEqual([]);
  });

  it("erases no more than the hour allows, also by a leader that comes in between", async () => {
    const s = scene();
    const names = room.map(({ name }) => name);
    const before = new Map((await deeds(s, names)).map((deed) => [deed[0], deed]));
    await limit(s, null);

    await commit(s, { deploy: null });
    await s.room.operator[Symbol.asyncDispose]();
    s.room.startOperator();
    const left = async (): Promise<readonly string[]> =>
      names.filter((name) => {
        const one = s.get(name);
        return one === undefined || stallOf(one) !== "ReleaseBrake";
      });
    const allowed = DEFAULT_RELEASES_PER_HOUR;
    await expect.poll(async () => (await left()).length, { timeout: 60_000 }).toBe(allowed);
    const released = await left();
    await Promise.all(released.map((name) => s.phase(name, "Ready")));

    const spared = names.filter((name) => !released.includes(name));
    await commit(s, withDeploy(s));
    await Promise.all(spared.map((name) => s.until(name, "itself", isItself)));
    expect(await deeds(s, spared)).toEqual(spared.map((name) => before.get(name)));
    const erased = names.filter((name) => s.history.made(name, "Erase") > 0);
    expect(erased).toEqual(released);
    for (const [, , erases] of await deeds(s, released)) expect(erases).toBe(DISKS);
  });
});

/** Deployed, as before, and nothing is held up. */
const isItself = (machine: Parameters<typeof stallOf>[0]): boolean =>
  machine.status?.phase === "Deployed" &&
  machine.status.observedGeneration === machine.metadata.generation &&
  stallOf(machine) === null;
