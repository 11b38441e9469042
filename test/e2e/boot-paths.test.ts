import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { API_VERSION } from "#api/group.ts";
import { minutes } from "#base/duration.ts";
import { apiRequest } from "../../tools/cluster/request.ts";
import { createHost } from "../../tools/vm-lab/host.ts";
import { BRIDGE } from "../../tools/vm-lab/lab.ts";
import { LAB_SUBNET } from "../../tools/vm-lab/rack.ts";
import type { LabVmOptions } from "../../tools/vm-lab/vm.ts";
import { followConsole } from "./console-marks.ts";
import { cannotBoot } from "./prerequisites.ts";
import { openSite, type Site, tellWhy, ZONE } from "./site.ts";

const GIB = 2 ** 30;

describe.skipIf(cannotBoot() !== null)("firmware reaches the agent's inventory", () => {
  const open = new AsyncDisposableStack();
  let site: Site;

  beforeAll(async () => {
    site = open.use(
      await openSite({ name: "boot-paths", taps: 3 }, AbortSignal.timeout(minutes(10))),
    );
  });
  afterAll(() => open.disposeAsync());

  /** Enrols a machine and waits for its inventory. */
  async function inventory(
    vm: Pick<LabVmOptions, "at" | "firmware" | "bootOrder">,
    boot: { mode: "UEFI" | "Legacy"; method: "PXE" | "HTTPBoot" },
  ): Promise<void> {
    const signal = AbortSignal.timeout(minutes(14));
    const name = `vm${vm.at}`;
    await using host = await createHost(site.lab, name, { ...vm, diskBytes: [GIB] });
    await using _ = followConsole(host.vm, site.timeline);
    await site.enrol(host, { boot: { macAddresses: [host.vm.mac], ...boot } });
    await site.view.phase(name, "Ready", signal);
    const has = () => site.view.inventory(name) !== undefined;
    await site.view.until(name, "inventoried", has, signal);
    expect(site.view.inventory(name)?.spec).toMatchObject({
      firmware: boot.mode,
      system: { uuid: host.vm.uuid },
      nics: [{ mac: host.vm.mac }],
      disks: [{ serial: `LAB-DISK0` }],
    });
    expect(site.view.tasks(name).map(({ status }) => status?.state)).toEqual(["Succeeded"]);
    console.log(site.timeline.print(`${name}: ${vm.firmware} ${boot.method}`, "VM power On"));
    site.timeline.clear();
  }

  it("as a BIOS with iPXE in the card's ROM", async () => {
    tellWhy(site);
    await inventory(
      { at: 0, firmware: "BIOS", bootOrder: ["network", "disk"] },
      { mode: "Legacy", method: "PXE" },
    );
  });

  it("as UEFI that boots over HTTP", async () => {
    tellWhy(site);
    await inventory(
      { at: 1, firmware: "UEFI", bootOrder: ["http", "disk"] },
      { mode: "UEFI", method: "HTTPBoot" },
    );
  });

  it("as UEFI where the site's own DHCP server gives the addresses", async () => {
    tellWhy(site);
    const signal = AbortSignal.timeout(minutes(1));
    const subnets = [{ ...LAB_SUBNET, dhcp: "Proxy" }];
    const path = `/apis/${API_VERSION}/zones/${ZONE}`;
    const answer = await apiRequest(site.cluster, "PATCH", path, { spec: { subnets } }, signal);
    expect(answer.status).toBe(200);
    await site.lab.run(["ip", "addr", "add", "10.88.0.2/24", "dev", BRIDGE], signal);
    site.startIn("dnsmasq", [
      "dnsmasq",
      ...["--keep-in-foreground", "--log-facility=-", "--log-dhcp", "--conf-file=/dev/null"],
      ...["--port=0", "--listen-address=10.88.0.2", "--bind-interfaces", "--no-ping"],
      ...["--dhcp-range=10.88.0.100,10.88.0.200,255.255.255.0,10m", "--pid-file"],
      ...["--user=root", `--dhcp-leasefile=${site.lab.folder}/dnsmasq.leases`],
    ]);
    await inventory(
      { at: 2, firmware: "UEFI", bootOrder: ["network", "disk"] },
      { mode: "UEFI", method: "PXE" },
    );
    expect(await site.log("dnsmasq")).toContain("DHCPACK");
  });
});
