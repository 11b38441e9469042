import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { minutes } from "#base/duration.ts";
import { editMachine } from "../../tools/room/objects.ts";
import { run } from "../../tools/vm-lab/netns.ts";
import { DEPLOY, MARKER, opening } from "./opening.ts";
import { cannotBoot } from "./prerequisites.ts";
import { tellWhy } from "./site.ts";
import { reports } from "./user-data.ts";

const GIB = 2 ** 30;
const NAME = "vm0";

describe.skipIf(cannotBoot() !== null)("a machine that tries its disks first", () => {
  const stage = opening({
    name: "disk-first",
    rackArgs: ["--linger-seconds", "1"],
    machine: NAME,
    bootOrder: ["disk", "network"],
    diskGiB: [4, 5],
  });

  it("boots what was deployed, with an older copy of the same image on its second disk", async () => {
    const { site, host } = stage();
    tellWhy(site);
    const signal = AbortSignal.timeout(minutes(14));
    await site.enrol(host, { boot: { macAddresses: [host.vm.mac] } });
    await site.view.phase(NAME, "Ready", signal);
    while (host.vm.machine.power !== "Off") await setTimeout(100, undefined, { signal });
    await putOldCopy(host.vm.diskFiles[1] ?? "", 5 * GIB, signal);

    await editMachine(site.cluster, NAME, { spec: { deploy: DEPLOY } }, signal);
    await site.view.phase(NAME, "Deployed", signal);
    expect(await reports(site, 1, signal)).toMatchObject([{ file: MARKER, root: "LAB-DISK0" }]);
    const [network, disk] = [
      host.vm.machine.counters.boots.network,
      host.vm.machine.counters.boots.disk,
    ];
    expect({ network, disk }).toEqual({ network: 2, disk: 1 });
  });

  /** The image as it was written to this disk in another life. */
  async function putOldCopy(file: string, sizeBytes: number, signal: AbortSignal): Promise<void> {
    await run(["cp", "--sparse=always", stage().site.built.os.raw.path, file], signal);
    await run(["truncate", "-s", String(sizeBytes), file], signal);
    await run(["sgdisk", "-e", file], signal);
  }
});
