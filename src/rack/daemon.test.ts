import { createSocket } from "node:dgram";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CORE, KINDS, zoneNamespace } from "#api/group.ts";
import type { OSImage } from "#api/os-image.ts";
import type { Rack } from "#api/rack.ts";
import { noAnswer } from "#kube/client.ts";
import { RackRig, settled } from "#test/fakes/rack.ts";
import { DIGEST, MAC, machine, task } from "#test/fakes/rack-objects.ts";
import { startUpstream, type Upstream } from "#test/fakes/upstream.ts";

const never = new AbortController().signal;

let rig: RackRig;
beforeEach(async () => {
  rig = await RackRig.start();
});
afterEach(() => rig[Symbol.asyncDispose]());

async function offer(upstream: Upstream, digest = upstream.digest): Promise<void> {
  const spec: OSImage["spec"] = {
    artifacts: [
      {
        architecture: "amd64",
        format: "raw",
        compression: "none",
        url: upstream.url,
        digest,
        sectorSize: 512,
      },
    ],
    userDataFormat: "cloud-init",
    readiness: "PhoneHome",
    lifecycle: "Supported",
  };
  await rig.cluster.create(KINDS.osImage, { metadata: { name: "os" }, spec }, never);
  await settled();
}

describe("an image of the API", () => {
  it("is had from the rack, in ranges, too", async () => {
    await using upstream = await startUpstream();
    await offer(upstream);
    const whole = await rig.get(`/images/${upstream.digest}`);
    expect(Buffer.from(await whole.arrayBuffer())).toEqual(upstream.content);
    const headers = { range: "bytes=299990-" };
    const rest = await fetch(`${rig.url}/images/${upstream.digest}`, { headers });
    expect(rest.status).toBe(206);
    expect(Buffer.from(await rest.arrayBuffer())).toEqual(upstream.content.subarray(299_990));
    expect(upstream.requests).toHaveLength(1);
  });

  it("is fetched as soon as a Deploy names it", async () => {
    await using upstream = await startUpstream();
    const made = await rig.put(machine());
    const deploying = task({ type: "Deploy", uid: made.metadata.uid });
    const artifact = { ...deploying.spec.deploy?.artifact, url: upstream.url };
    const { signal } = new AbortController();
    const spec = { ...deploying.spec, deploy: { ...deploying.spec.deploy, artifact } };
    const metadata = { name: "t", namespace: "lab" };
    await rig.cluster.create(KINDS.machineTask, { metadata, spec }, signal);
    await expect.poll(() => upstream.requests.length).toBe(1);
  });

  it("is not had where nobody names it: the rack is no proxy", async () => {
    expect((await rig.get(`/images/${DIGEST}`)).status).toBe(404);
  });

  it("that is gone upstream is said to be so, and the next one is served", async () => {
    await using upstream = await startUpstream({ moods: [{ status: 404 }] });
    await offer(upstream);
    const answer = await rig.get(`/images/${upstream.digest}`);
    expect(answer.status).toBe(424);
    expect(await answer.text()).toContain("answered HTTP 404");
    expect(rig.counts.get("image NotFound")).toBe(1);
    expect((await rig.get("/ca.pem")).status).toBe(200);
  });

  it("with another digest is said to be so, and shown in the Rack's status", async () => {
    await using upstream = await startUpstream();
    await offer(upstream, DIGEST);
    // Who reads along may have all its bytes before the digest is known: the agent checks it, too.
    await rig.get(`/images/${DIGEST}`).then(
      (answer) => answer.arrayBuffer().catch(() => undefined),
      () => undefined,
    );
    await expect
      .poll(async () => (await rackObject())?.status?.images)
      .toMatchObject([{ digest: DIGEST, state: "Failed" }]);
    const again = await rig.get(`/images/${DIGEST}`);
    expect(again.status).toBe(424);
    expect(await again.text()).toContain(`has the digest ${upstream.digest}`);
  });
});

const rackObject = (): Promise<Rack | null> =>
  rig.cluster.get<Rack>(KINDS.rack, { name: "r1" }, never);

describe("a rack", () => {
  it("says what it is, and that it lives", async () => {
    await expect
      .poll(async () => (await rackObject())?.status)
      .toMatchObject({ addresses: ["127.0.0.1"], roles: ["HTTP", "Images"] });
    const ref = { namespace: zoneNamespace("a"), name: "rack-r1" };
    await expect
      .poll(() => rig.cluster.get(CORE.lease, ref, never))
      .toMatchObject({ spec: { holderIdentity: "r1" } });
  });

  it("is ready once it has seen its zone, and tells its metrics beside", async () => {
    const health = `http://127.0.0.1:${rig.rack.healthPort}`;
    expect((await fetch(`${health}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${health}/metrics`)).text()).toContain("steelyard_rack_up");
    expect((await rig.get("/metrics")).status).toBe(404);
  });

  it.each(["/files/../agent/vmlinuz", "/files/%2e%2e/agent/vmlinuz", "/agent/amd64/passwd"])(
    "hands out nothing of %s",
    async (path) => {
      expect((await rig.get(path)).status).toBe(404);
    },
  );

  it("hands out first stages and the CA", async () => {
    expect(await (await rig.get("/files/snponly.efi")).text()).toBe("iPXE");
    expect(await (await rig.get("/ca.pem")).text()).toContain("BEGIN CERTIFICATE");
  });

  it("tells agents its time", async () => {
    const text = await (await rig.get("/time")).text();
    expect(Math.abs(Number(text) - Date.now())).toBeLessThan(60_000);
  });

  it("has machines ask again where it was started with the API away, and boot their disks after a minute", async () => {
    await rig.put(machine({ status: { boot: "Local" } }));
    const reads = ({ resource }: { resource: string }) => {
      if (resource !== "secrets") throw noAnswer("away");
    };
    await rig.stop();
    rig.onCall = reads;
    const started = rig.boot();
    await expect.poll(() => rig.isServing).toBe(true);
    const asked = await rig.script();
    expect(asked).toContain("sleep 10");
    expect(asked).toMatch(/^chain .*\/boot\?mac=\S+&waits=1 /m);
    const last = await rig.get(`/boot?mac=${MAC}&arch=amd64&waits=5`);
    expect(await last.text()).toContain("local.efi");
    expect(rig.counts.get("boot NotSynced")).toBe(2);
    rig.onCall = () => {};
    await started;
  }, 20_000);

  it("has GRUB find the disk's loader, after iPXE and where nobody knows the machine", async () => {
    await rig.stop();
    const ports = { dhcp: 0, proxyDhcp: 0, dhcpClient: 0, tftp: 0, http: 0, api: 0, health: 0 };
    await rig.boot({ netboot: "On", ports });
    expect(await tftp("grub/grub.cfg")).toContain("chainloader /EFI/BOOT/BOOTX64.EFI");
    expect(await tftp("snponly.efi")).toBe("iPXE");
  });

  it("has GRUB start the agent where Secure Boot leaves no iPXE", async () => {
    const secure = machine({
      mode: "UEFISecureBoot",
      status: { addresses: [{ mac: MAC, ip: "127.0.0.1", subnet: "lo" }] },
    });
    const made = await rig.put(secure);
    await rig.put(task({ uid: made.metadata.uid }));
    await rig.stop();
    const ports = { dhcp: 0, proxyDhcp: 0, dhcpClient: 0, tftp: 0, http: 0, api: 0, health: 0 };
    await rig.boot({ netboot: "On", ports });
    const config = await tftp("grub/grub.cfg", 1_400);
    expect(config).toContain("linux '/agent/amd64/vmlinuz' ");
    expect(config).toContain("steelyard.token=");
    expect(await tftp("agent/amd64/vmlinuz")).toBe("a kernel");
    for (let retries = 0; retries < 5; retries++) {
      rig.forward(6_000);
      expect(await tftp("grub/retry.cfg", 1_400)).toContain("steelyard.token=");
    }
  });
});

/** The first block of a file. RFC 1350 and, for the block's size, RFC 2348. */
function tftp(name: string, size = 512): Promise<string> {
  const client = createSocket("udp4");
  const [port] = rig.rack.tftpPorts;
  const words = [`\0\x01${name}`, "octet", ...(size === 512 ? [] : ["blksize", `${size}`]), ""];
  return new Promise((resolve, reject) => {
    client.once("error", reject);
    client.on("message", (bytes, from) => {
      const opcode = bytes.readUInt16BE(0);
      if (opcode === 6) client.send(Buffer.from([0, 4, 0, 0]), from.port, from.address);
      if (opcode === 6) return;
      client.close();
      resolve(bytes.subarray(4).toString());
    });
    client.send(words.join("\0"), port ?? 0, "127.0.0.1");
  });
}

describe("a server of which nobody has a Machine (any more)", () => {
  const stranger = "52:54:00:ff:ff:ff";

  it("is looked at where discovery is on, and at its next boot left to its own system", async () => {
    const subnet = { name: "lo", cidr: "127.0.0.0/8", dhcp: "Server", discovery: "Auto" };
    const spec = { subnets: [subnet] };
    await rig.cluster.mergePatch(KINDS.zone, { name: "a" }, { spec }, {}, never);
    await settled();
    expect(await rig.script(stranger)).toMatch(/ steelyard\.token=\S+ steelyard\.stranger=yes /);
    rig.forward(60_000);
    expect(await rig.script(stranger)).toContain("local.efi");
    expect(rig.counts.get("boot LookedAt")).toBe(1);
  });
});

describe("a task that its machine never comes up with", () => {
  it("fails after three boots, and the machine waits", async () => {
    const made = await rig.put(machine());
    const due = await rig.put(task({ type: "Deploy", uid: made.metadata.uid }));
    for (let boots = 0; boots < 3; boots++) {
      expect(await rig.script()).toContain("steelyard.token=");
      rig.forward(10_000);
    }
    expect(await rig.script()).not.toContain("steelyard.token=");
    await expect
      .poll(async () => (await rig.task(due)).status)
      .toMatchObject({ state: "Failed", reason: "BootLoop" });
  });

  it("goes on while its boots only could not fetch the agent, which is no loop of it", async () => {
    const made = await rig.put(machine());
    const due = await rig.put(task({ type: "Deploy", uid: made.metadata.uid }));
    for (let boots = 0; boots < 3; boots++) {
      let script = await rig.script();
      for (let retries = 0; retries < 5; retries++) {
        rig.forward(6_000);
        const again = /^chain \S+ \S+ (http\S+) /m.exec(script)?.[1] ?? "";
        script = await (await fetch(again)).text();
        expect(script).toContain("steelyard.token=");
      }
    }
    expect((await rig.task(due)).status?.state).toBeUndefined();
  });

  it("fails all the same after three boots of which each had to fetch the agent twice", async () => {
    const made = await rig.put(machine());
    const due = await rig.put(task({ type: "Deploy", uid: made.metadata.uid }));
    for (let boots = 0; boots < 3; boots++) {
      await rig.script();
      rig.forward(6_000);
      await rig.get(`/boot?mac=${MAC}&uuid=&arch=amd64&retry=1`);
      rig.forward(60_000);
    }
    expect(await rig.script()).not.toContain("steelyard.token=");
    await expect
      .poll(async () => (await rig.task(due)).status)
      .toMatchObject({ state: "Failed", reason: "BootLoop" });
  });
});
