/** Machines move to another API server: paused there and here, applied with their records, let go. */
import { describe, expect, it } from "vitest";
import { KINDS } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import { useOwnCluster } from "#test/cluster/harness.ts";
import { install } from "#test/cluster/install.ts";
import { bmcSecret, NAMESPACE, osImage } from "../../tools/room/manifests.ts";
import { applyManifest, editMachine, machinesOf, makeNamespace } from "../../tools/room/objects.ts";
import { BMC_ACCOUNT } from "../../tools/room/room.ts";
import { bare, save } from "./backup.ts";
import { resetsOf, useScene } from "./scene.ts";

const scene = useScene({ zone: "moved", machines: 2, speed: 200 });
const cluster = useOwnCluster({ controllerManager: false });

describe("machines that move to another API server", () => {
  it("are Deployed there, were reset by nobody, and are forgotten here", async () => {
    const s = scene();
    const there = cluster();
    await using installed = await install(there, s.signal);
    const names = [await s.deployed(s.server()), await s.deployed(s.server())];
    const deeds = async () =>
      (await Promise.all(names.map((name) => s.seen(name)))).map((view) => [
        ...[view.name, view.power, resetsOf(view)],
        ...[view.counters.diskWrites, view.counters.erases],
      ]);
    const before = await deeds();

    // Here: hands off, and what is there is written down.
    for (const name of names) await s.edit(name, { paused: true });
    const { plural } = KINDS.machine;
    const at = (name: string) => ({ namespace: NAMESPACE, name });
    const read = { ...s.room.cluster };
    const saved = await Promise.all(names.map((name) => save(read, plural, at(name), s.signal)));
    const zone = await save(read, KINDS.zone.plural, { name: s.zone }, s.signal);

    // There: everything as it was, still paused, and then not.
    await makeNamespace(there, NAMESPACE, s.signal);
    await installed.admitOperator(NAMESPACE, s.signal);
    for (const one of [bmcSecret(BMC_ACCOUNT), osImage(s.room.image), bare(zone)]) {
      await applyManifest(there, one, s.signal);
    }
    for (const one of saved) await applyManifest(there, bare(one), s.signal);
    await using operator = s.room.startOperator(["--kubeconfig", installed.operatorKubeconfig]);
    await operator.line(
      (text) => (text.includes("the operator is up") ? true : undefined),
      s.signal,
    );
    for (const name of names) await editMachine(there, name, { spec: { paused: false } }, s.signal);
    const phases = async () =>
      (await machinesOf(there, s.signal)).map(({ status }: Machine) => status?.phase);
    await expect.poll(phases, { timeout: 60_000 }).toEqual(["Deployed", "Deployed"]);

    // Here: forgotten at once.
    for (const name of names) await s.delete(name);
    expect(await deeds()).toEqual(before);
    const epochs = (await machinesOf(there, s.signal)).map(({ status }) => status?.epoch);
    expect(epochs).toEqual([2, 2]);
  });
});
