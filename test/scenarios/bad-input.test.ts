/**
 * What people and networks get wrong: a condition that says what to do, or a counted drop; nothing
 * is lost, and the next machine is served.
 */

import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { describe, expect, it } from "vitest";
import { CORE, KINDS } from "#api/group.ts";
import type { OSImage } from "#api/os-image.ts";
import type { Rack } from "#api/rack.ts";
import { seconds } from "#base/duration.ts";
import { bmcSecret, type ImageFile, NAMESPACE, osImage } from "../../tools/room/manifests.ts";
import { resetsOf, type Scene, useScene } from "./scene.ts";

const scene = useScene({
  zone: "bad",
  machines: 30,
  rackArgs: ["--image-stall-seconds", "1"],
});

/** Applies the image and a Machine that is to run it. */
async function enrolWith(s: Scene, image: ImageFile): Promise<string> {
  await s.apply(osImage(image));
  return s.enrol(s.server(), { deploy: { imageRef: { name: image.name } } });
}

/** Resolves to what the OSImage says when its Ready turned False. */
async function complaint(s: Scene, image: string): Promise<string> {
  const ready = async () => {
    const found = await s.client.get<OSImage>(KINDS.osImage, { name: image }, s.signal);
    return found?.status?.conditions?.find(({ type }) => type === "Ready");
  };
  await expect.poll(async () => (await ready())?.reason, WAIT).toBe("FetchFailed");
  return (await ready())?.message ?? "";
}

const WAIT = { timeout: seconds(90), interval: 200 };

describe.concurrent("an image", () => {
  it("whose digest does not match stops its machine with both digests, and a right one runs", async () => {
    const s = scene();
    const right = s.room.images.add("right");
    const digest = `sha256:${createHash("sha256").update("something else").digest("hex")}`;
    const name = await enrolWith(s, { ...right, name: "wrong-digest", digest });

    expect(await complaint(s, "wrong-digest")).toContain(right.digest);
    expect(await s.stalled(name, "GivenUp")).toContain("digest");
    expect((await s.seen(name)).disks.map(({ content }) => content.kind)).not.toContain("image");

    await s.apply(osImage(right));
    const deploy = { imageRef: { name: "right" } };
    await s.edit(name, { deploy, nonces: { retry: "with the right digest" } });
    await s.phase(name, "Deployed");
  });

  it("that answers 404 stops its machine with the URL and the status", async () => {
    const s = scene();
    const there = s.room.images.add("there");
    const url = there.url.replace("there", "gone");
    const digest = `sha256:${createHash("sha256").update("gone").digest("hex")}`;
    const name = await enrolWith(s, { ...there, name: "gone", url, digest });

    expect(await complaint(s, "gone")).toContain(`${url} answered HTTP 404`);
    expect(await s.stalled(name, "GivenUp")).toContain(`${url} answered HTTP 404`);
  });

  it("that stalls says so in its condition, and keeps nobody else waiting", async () => {
    const s = scene();
    const file = s.room.images.add("stalls");
    const url = file.url.replace("/stalls", "/stall/stalls");
    const name = await enrolWith(s, { ...file, url });

    expect(await complaint(s, "stalls")).toMatch(/stall\/stalls\.raw sent nothing for 1 s/);
    await s.deployed(s.server());
    expect(s.get(name)?.status?.phase).toBe("Deploying");
  });

  it("that is larger than any disk stops its machine with both sizes", async () => {
    const s = scene();
    const file = s.room.images.add("large");
    const name = await enrolWith(s, { ...file, sizeBytes: 2 * 1024 ** 4 });

    expect(await s.stalled(name, "GivenUp")).toMatch(/DiskTooSmall.*2048\.0 GiB.*960\.0 GiB/);
    expect((await s.seen(name)).counters.diskWrites).toBe(0);
  });
});

describe.concurrent("a wrong BMC password", () => {
  it("is tried twice and no more, until the Secret changes", async () => {
    const s = scene();
    const server = s.server();
    const secret = bmcSecret({ username: "admin", password: "wrong" });
    const name = "mistyped";
    await s.apply({ ...secret, metadata: { name, namespace: NAMESPACE } });
    await s.enrol(server, { bmc: { ...s.bmcOf(server), credentialsRef: { name } } });

    expect(await s.stalled(server.name, "BmcCredentialsRejected")).toContain(
      "spec.bmc.credentialsRef",
    );
    for (let tried = 0; tried < 5; tried++) await s.poke(server.name);
    const { bmc } = await s.seen(server.name);
    expect(bmc.refusedLogins).toBeLessThanOrEqual(2);

    const password = Buffer.from("simulated").toString("base64");
    const ref = { namespace: NAMESPACE, name };
    await s.client.mergePatch(CORE.secret, ref, { data: { password } }, {}, s.signal);
    await s.until(server.name, "Ready", ({ status }) => status?.phase === "Ready", seconds(180));
    expect((await s.seen(server.name)).bmc.refusedLogins).toBeLessThanOrEqual(2);
  });
});

describe.concurrent("a MAC address", () => {
  it("that is not in the API boots nothing, and is shown to people", async () => {
    const s = scene();
    const server = s.server();
    await s.room.admin.edit(server.name, { press: "on" }, s.signal);

    await expect.poll(() => s.counted("dhcp-boot", "Unknown"), WAIT).toBeGreaterThan(0);
    const rack = async () =>
      (await s.client.get<Rack>(KINDS.rack, { name: `rack-${s.zone}` }, s.signal))?.status;
    await expect
      .poll(async () => (await rack())?.discovered?.map(({ mac }) => mac), WAIT)
      .toContain(server.board.macs[0]);
    const view = await s.seen(server.name);
    expect([resetsOf(view), view.counters.diskWrites]).toEqual([0, 0]);
    await s.deployed(s.server());
  });

  it("of two Machines stops both, and the one that is right goes on when the other is gone", async () => {
    const s = scene();
    const [right, wrong] = [s.server(), s.server()];
    const [mac] = right.board.macs;
    await s.enrol(right);
    const boot = { macAddresses: [mac?.toUpperCase() ?? ""] };
    await s.apply(s.manifest(wrong, { boot }));

    for (const { name } of [right, wrong]) {
      expect(await s.stalled(name, "DuplicateMac")).toContain(mac);
      expect(resetsOf(await s.seen(name))).toBe(0);
    }
    await s.delete(wrong.name);
    await s.phase(right.name, "Ready");
  });
});

describe.concurrent("a packet", () => {
  it.each([
    { what: "DHCP", port: 6_767, part: "dhcp" },
    { what: "TFTP", port: 6_969, part: "tftp" },
  ])("of $what that is malformed is dropped and counted", async ({ port, part }) => {
    const s = scene();
    const before = await s.counted(part, "Malformed");
    const address = await s.rackAddress();
    const socket = createSocket("udp4");
    for (const bytes of [Buffer.alloc(3), Buffer.alloc(250, 0xff), Buffer.from([0, 1, 65, 66])]) {
      await new Promise<void>((done) => socket.send(bytes, port, address, () => done()));
    }
    socket.close();
    await expect.poll(() => s.counted(part, "Malformed"), WAIT).toBeGreaterThanOrEqual(before + 2);
    await s.deployed(s.server());
  });
});
