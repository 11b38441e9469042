import { describe, expect, it } from "vitest";
import { minutes } from "#base/duration.ts";
import { editMachine } from "../../tools/room/objects.ts";
import { DEPLOY, MARKER, opening } from "./opening.ts";
import { cannotBoot } from "./prerequisites.ts";
import { isBlank } from "./raw-disk.ts";
import { keepOurs, reference } from "./reference.ts";
import { type Site, tellWhy } from "./site.ts";
import { reports } from "./user-data.ts";

const NAME = "vm1";

/** When all is closed: what it took, and the reference beside it, which then is alone on the machine. */
async function beside({ timeline }: Site): Promise<void> {
  if (timeline.at("phase Deployed") !== undefined) await keepOurs(timeline);
  const measuring = process.env["STEELYARD_REFERENCE"] === "1" ? "always" : "never";
  console.log(await reference(measuring, AbortSignal.timeout(minutes(14))));
}

describe.skipIf(cannotBoot() !== null)("a machine with UEFI firmware that tries PXE first", () => {
  const stage = opening({
    name: "deploy",
    machine: NAME,
    bootOrder: ["network", "disk"],
    diskGiB: [4],
    after: beside,
  });
  const edit = (spec: object) =>
    editMachine(stage().site.cluster, NAME, { spec }, AbortSignal.timeout(minutes(1)));

  it("is inventoried, gets its system, boots it and reports in", async () => {
    const { site, host } = stage();
    tellWhy(site);
    const signal = AbortSignal.timeout(minutes(14));
    await site.enrol(host, {
      boot: { macAddresses: [host.vm.mac] },
      deploy: DEPLOY,
      onRelease: { erase: "Full" },
      nonces: { reboot: "0" },
    });
    await site.view.phase(NAME, "Deployed", signal);
    const [report] = await reports(site, 1, signal);
    expect(report).toMatchObject({ file: MARKER, hostname: NAME, root: "LAB-DISK0" });
    expect(await isBlank(host.vm.diskFiles[0] ?? "")).toBe(false);
    const phases = site.timeline.all(/^phase /);
    expect(phases).toEqual(
      ["New", "Commissioning", "Ready", "Deploying", "Deployed"].map((phase) => `phase ${phase}`),
    );
  });

  it("comes up from its own disk when it is rebooted, though it asks the network first", async () => {
    const { site, host } = stage();
    tellWhy(site);
    const signal = AbortSignal.timeout(minutes(14));
    const [before] = await reports(site, 1, signal);
    const { network = 0 } = host.vm.machine.counters.boots;
    site.timeline.note("reboot is asked for");
    await edit({ nonces: { reboot: "1" } });
    const [, after] = await reports(site, 2, signal);
    expect(after).toMatchObject({ file: MARKER, root: "LAB-DISK0" });
    expect(after?.bootId).not.toBe(before?.bootId);
    expect(host.vm.machine.counters.boots.network).toBeGreaterThan(network);
    expect(site.view.machine(NAME)?.status?.phase).toBe("Deployed");
  });

  it("is erased when spec.deploy is taken away, and Ready again", async () => {
    const { site, host } = stage();
    tellWhy(site);
    const signal = AbortSignal.timeout(minutes(14));
    site.timeline.note("spec.deploy is taken away");
    await edit({ deploy: null });
    await site.view.phase(NAME, "Releasing", signal);
    await site.view.phase(NAME, "Ready", signal);
    expect(await isBlank(host.vm.diskFiles[0] ?? "")).toBe(true);
  });
});
