import { describe, expect, it } from "vitest";
import { minutes } from "#base/duration.ts";
import { DEPLOY, MARKER, opening } from "./opening.ts";
import { cannotBoot } from "./prerequisites.ts";
import { tellWhy } from "./site.ts";
import { reports } from "./user-data.ts";

const NAME = "vm0";

describe.skipIf(cannotBoot() !== null)("when operator and rack are killed in a deploy", () => {
  const stage = opening({
    name: "crash",
    machine: NAME,
    bootOrder: ["network", "disk"],
    diskGiB: [4],
  });

  /** As a power cut would; both are started again at once. */
  async function killBoth(when: string): Promise<void> {
    const { site } = stage();
    site.timeline.note(`kill -9 of operator and rack: ${when}`);
    const ended = [site.operator(), site.rack()].map((program) => {
      program.kill("SIGKILL");
      return program.ended;
    });
    expect(await Promise.all(ended)).toEqual(["SIGKILL", "SIGKILL"]);
    site.startOperator();
    await site.startRack();
    site.timeline.note("both serve again");
  }

  it("the machine is deployed all the same, by one grant and one disk write", async () => {
    const { site, host } = stage();
    tellWhy(site);
    const signal = AbortSignal.timeout(minutes(14));
    await site.enrol(host, {
      boot: { macAddresses: [host.vm.mac] },
      deploy: DEPLOY,
    });
    const { console: serial } = host.vm;
    await serial.waitFor(/steelyard: first stage/, 0, signal);
    await killBoth("the agent boots");
    const writes = () =>
      site.view
        .tasks(NAME)
        .some(({ status }) => status?.steps?.some(({ name }) => name === "Write"));
    await site.view.until(NAME, "being written", writes, signal);
    await killBoth("the image is being written");
    await site.view.phase(NAME, "Deployed", signal);
    expect(await reports(site, 1, signal)).toMatchObject([{ file: MARKER, root: "LAB-DISK0" }]);

    const deploys = site.view.tasks(NAME).filter(({ spec }) => spec.type === "Deploy");
    expect(deploys.map(({ status }) => status?.state)).toEqual(["Succeeded"]);
    const begun = serial.lines.filter(({ text }) => /^AGENT .* to vda /.test(text));
    expect(begun).toHaveLength(1);
  });
});
