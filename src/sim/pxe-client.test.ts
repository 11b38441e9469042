import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";
import { type Ipv4, parseCidr } from "#base/ipv4.ts";
import type { Mac } from "#base/mac.ts";
import { Leases } from "#netboot/dhcp/leases.ts";
import { serveDhcp } from "#netboot/dhcp/server.ts";
import { holdScript, linuxScript, localScript } from "#netboot/ipxe/script.ts";
import { memoryFile } from "#netboot/tftp/file.ts";
import { serveTftp } from "#netboot/tftp/server.ts";
import { AgentRack } from "#test/fakes/agent-rack.ts";
import { FakeLog } from "#test/fakes/log.ts";
import { DhcpRelay } from "./dhcp-client.ts";
import type { DiskContent } from "./disk.ts";
import { diskImage } from "./disk-image.ts";
import { SimulatedMachine } from "./machine.ts";
import { bootProgram } from "./pxe-client.ts";

const MAC = "52:54:00:00:00:01" as Mac;
const RACK = "127.0.0.1" as Ipv4;
const GIADDR = "127.77.0.1" as Ipv4;
const UUID = "4c4c4544-0035-5810-8054-b3c04f4d4431";
const IMAGE = diskImage("test");
const DIGEST = `sha256:${createHash("sha256").update(IMAGE).digest("hex")}`;

/** A rack's netboot side, and its answer to the next boot. */
let script: string;
let http: Server;
let url: string;
let rack: AgentRack;
let relay: DhcpRelay;
let tftpPort: number;
let stack: AsyncDisposableStack;
/** What DHCP saw of the clients. */
let seen: string[];
/** What was posted to /phone-home. */
let calls: string[];

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  const stop = new AbortController();
  const { signal } = stop;
  stack.defer(() => stop.abort());
  seen = [];
  calls = [];
  rack = stack.use(await AgentRack.start());
  rack.images.set(DIGEST, IMAGE);
  http = createServer((request, response) => {
    if (request.method === "POST") {
      request.on("data", (chunk) => calls.push(String(chunk)));
      request.on("end", () => response.end("ok"));
    } else response.end(request.url === "/boot" ? script : "MZ an EFI program");
  });
  await new Promise<void>((resolve) => http.listen(0, RACK, resolve));
  stack.defer(() => {
    http.closeAllConnections();
    http.close();
  });
  const at = http.address();
  url = `http://${RACK}:${typeof at === "object" ? at?.port : 0}`;
  const boot = { scriptUrl: `${url}/boot`, filesUrl: `${url}/`, chain: "Ipxe" as const };
  const cidr = parseCidr("127.77.0.0/16");
  if (cidr === null) throw new Error("no CIDR");
  relay = stack.use(await freeRelay(signal));
  const site = ({ mac, rom, uuid }: { mac: Mac; rom: string | null; uuid: string | null }) => {
    seen.push(`${rom} ${uuid === UUID}`);
    return {
      mode: "Server" as const,
      server: RACK,
      subnet: { cidr, dns: [], ntp: [] },
      known: mac === MAC ? { address: "127.77.1.1" as Ipv4 } : null,
      slices: [],
      leaseSeconds: 600,
      boot: mac === MAC ? boot : null,
      first: true,
    };
  };
  const common = { count: () => {}, clock: systemClock, log: new FakeLog().log };
  const deps = { ...common, leases: new Leases(), leaseFile: { append: async () => {} } };
  const where = { address: RACK, port: relay.port, proxyPort: 0 };
  stack.use(await serveDhcp([where], { ...deps, site, taken: async () => false }, signal));
  const resolve = async (name: string) =>
    name === "snponly.efi" ? memoryFile(Buffer.alloc(100_000, 1)) : null;
  const tftp = stack.use(
    await serveTftp([{ address: RACK, port: 0 }], { ...common, resolve }, signal),
  );
  tftpPort = tftp.ports[0] ?? 0;
});
afterEach(() => stack.disposeAsync());

/** On any port that both the relay and the server can have. */
async function freeRelay(signal: AbortSignal): Promise<DhcpRelay> {
  for (let port = 20_067; ; port += 7) {
    try {
      return await DhcpRelay.open(GIADDR, { address: RACK, port }, signal);
    } catch (error) {
      if (port > 21_000) throw error;
    }
  }
}

function machine(content: DiskContent = { kind: "blank" }, mac = MAC): SimulatedMachine {
  const board = {
    uuid: UUID,
    serial: "SN-1",
    manufacturer: "Steelyard",
    model: "Sim",
    macs: [mac],
    cpuCores: 2,
    memoryGiB: 4,
  };
  const disk = {
    name: "sda",
    wwn: "0x5000",
    serial: "S-sda",
    model: "Sim",
    sizeBytes: 2 ** 33,
    rotational: false,
    logicalSectorBytes: 512 as const,
    content,
  };
  const options = { name: "m1", board, disks: [disk], bootOrder: ["network" as const] };
  return new SimulatedMachine({ ...options, speed: 1_000, clock: systemClock }, () => ({
    power: "On",
    powerOn: async () => {},
    forceOff: async () => {},
    restart: async () => {},
    shutDown: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }));
}

const boot = (on: SimulatedMachine, device: "network" | "http" | "disk", signal: AbortSignal) =>
  bootProgram({
    relay: () => relay,
    tftpPort,
    clock: systemClock,
    random: () => 0,
    log: new FakeLog().log,
  })(on, device, signal);

const { signal } = new AbortController();

const agentScript = (): string =>
  linuxScript({
    kernelUrl: `${url}/vmlinuz`,
    initrdUrls: [`${url}/initrd.img`],
    args: [
      `steelyard.rack=${rack.boot.rackUrl}`,
      `steelyard.api=${rack.boot.api}`,
      `steelyard.ca=sha256:${rack.boot.caSha256}`,
      `steelyard.token=${rack.boot.token}`,
    ],
    retryUrl: `${url}/boot`,
  });

const image = (home: string): DiskContent => ({
  kind: "image",
  digest: DIGEST,
  seed: {
    "meta-data": '{"instance-id":"i-1","local-hostname":"node-1"}',
    "user-data": "#cloud-config\n",
    "vendor-data": `#cloud-config\n{"phone_home":{"url":"${home}"}}\n`,
  },
});

/** Until the system on the disk has phoned home, or for a while if it does not. */
async function runSystem(on: SimulatedMachine, device: "network" | "disk"): Promise<void> {
  const power = new AbortController();
  const before = calls.length;
  const running = boot(on, device, power.signal).catch(() => "off");
  for (let n = 0; n < 100 && calls.length === before; n++) {
    await systemClock.sleep(5 as Duration, signal);
  }
  power.abort();
  expect(await running).toBe("off");
}

describe("a simulated machine", () => {
  it.each(["network", "http"] as const)(
    "comes from the firmware's %s boot to the agent",
    async (device) => {
      script = agentScript();
      rack.orders = [{ task: "t", type: "Commission", machine: "m1" }];
      expect(await boot(machine(), device, signal)).toBe("powerOff");
      expect(rack.last).toMatchObject({ task: "t", state: "Succeeded" });
      const rom = device === "http" ? "HTTP" : "PXE";
      expect(seen).toStrictEqual([`${rom} true`, `${rom} true`, "iPXE true", "iPXE true"]);
    },
  );

  it("waits while the script says hold, and asks again", async () => {
    script = holdScript({ selfUrl: `${url}/boot`, seconds: 10 });
    const booting = boot(machine(), "network", signal);
    await systemClock.sleep(300 as Duration, signal);
    script = agentScript();
    expect(await booting).toBe("powerOff");
    expect(rack.hellos.length).toBe(1);
  });

  it("goes on to the next device when nothing answers for it", async () => {
    const other = machine({ kind: "blank" }, "52:54:00:00:00:99" as Mac);
    relay.firstWait = 10 as Duration;
    expect(await boot(other, "network", signal)).toBe("nextDevice");
    expect(await boot(other, "disk", signal)).toBe("nextDevice");
  });

  it("boots from its disk when the script says local, and phones home once", async () => {
    script = localScript({ loaderUrl: `${url}/local.efi` });
    const on = machine(image(`${url}/phone-home/t`));
    await runSystem(on, "network");
    expect(calls).toStrictEqual(["instance_id=i-1&hostname=node-1&fqdn=node-1"]);
    await runSystem(on, "disk");
    expect(calls.length).toBe(1);
  });

  it("goes on to the next device when the script says local and the disk is blank", async () => {
    script = localScript({ loaderUrl: `${url}/local.efi` });
    expect(await boot(machine(), "network", signal)).toBe("nextDevice");
  });
});
