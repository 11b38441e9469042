import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { diskImage } from "#sim/disk-image.ts";
import { readSeedFiles } from "#sim/seed-reader.ts";
import { FileDisk } from "#test/fakes/file-disk.ts";
import { fatBytes } from "./fat.ts";
import { putSeed, readGpt } from "./seed.ts";

const { signal } = new AbortController();
const MIB = 1_048_576;
const SEED = {
  "meta-data": "instance-id: m1\n",
  "user-data": `#cloud-config\n# ${"x".repeat(70_000)}\n`,
  "vendor-data": "",
  "network-config": "version: 2\n",
};

const has = (program: string): boolean => {
  try {
    execFileSync("which", [program], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

describe("putSeed", () => {
  it("grows the last partition and appends one that a reader of its own finds the seed on", async () => {
    await using disk = await FileDisk.make(16 * MIB, diskImage("a"));
    const bytes = await disk.after((device) => putSeed(device, SEED, signal));
    expect(readSeedFiles((at, length) => bytes.subarray(at, at + length), 512)).toStrictEqual(SEED);

    await using device = await disk.device();
    const gpt = await readGpt(device, signal);
    const sectors = (16 * MIB) / 512;
    const seedAt = Math.floor((sectors - 33 - fatBytes(512) / 512) / 2_048) * 2_048;
    expect(
      gpt?.partitions.map(({ number, name, firstSector, lastSector }) => [
        number,
        name,
        firstSector,
        lastSector,
      ]),
    ).toStrictEqual([
      [1, "root", 256, seedAt - 1],
      [15, "ESP", 64, 255],
      [16, "cidata", seedAt, seedAt + fatBytes(512) / 512 - 1],
    ]);
  });

  it("tells where the firmware finds the boot loader", async () => {
    await using disk = await FileDisk.make(16 * MIB, diskImage("a"));
    await using device = await disk.device();
    expect(await putSeed(device, SEED, signal)).toMatchObject({
      number: 15,
      guid: "33221100-5544-7766-8899-aabbccddee0e",
      firstSector: 64,
      lastSector: 255,
    });
  });

  it("says so when the image fills the disk", async () => {
    await using disk = await FileDisk.make(2 * MIB, diskImage("a"));
    await using device = await disk.device();
    await expect(putSeed(device, SEED, signal)).rejects.toMatchObject({ reason: "NoRoomForSeed" });
  });

  it("says so when the image has no partition table, or a broken one", async () => {
    await using disk = await FileDisk.make(16 * MIB, diskImage("a").fill(1, 1_024, 1_040));
    await using device = await disk.device();
    await expect(putSeed(device, SEED, signal)).rejects.toMatchObject({
      reason: "ImageUnsupported",
    });
  });

  it.runIf(has("sgdisk"))(
    "leaves a partition table that sgdisk finds nothing wrong with",
    async () => {
      await using disk = await FileDisk.make(16 * MIB, diskImage("a"));
      await disk.after((device) => putSeed(device, SEED, signal));
      const said = execFileSync("sgdisk", ["--verify", disk.path]).toString();
      expect(said).toContain("No problems found");
      expect(said).not.toContain("Warning");
    },
  );

  it.runIf(has("fsck.vfat") && has("mcopy")).each([512, 4_096])(
    "makes a file system that fsck and mtools read, in sectors of %i bytes",
    async (sectorSize) => {
      const folder = await mkdtemp(join(tmpdir(), "steelyard-fat-"));
      try {
        const { fatImage } = await import("./fat.ts");
        const files = Object.entries(SEED).map(([name, content]) => ({ name, content }));
        const path = join(folder, "seed");
        const image = fatImage("CIDATA", files, sectorSize);
        await writeFile(
          path,
          Buffer.concat([image, Buffer.alloc(fatBytes(sectorSize) - image.length)]),
        );
        expect(() => execFileSync("fsck.vfat", ["-n", path])).not.toThrow();
        const out = join(folder, "out");
        execFileSync("mcopy", ["-i", path, "::user-data", out]);
        expect(readFileSync(out, "utf8")).toBe(SEED["user-data"]);
        const label = execFileSync("blkid", ["-p", "-o", "value", "-s", "LABEL", path]).toString();
        expect(label.trim()).toBe("CIDATA");
      } finally {
        await rm(folder, { recursive: true, force: true, maxRetries: 5 });
      }
    },
  );
});
