import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createServer, type RequestListener, type Server } from "node:http";
import { promisify } from "node:util";
import { gzip, zstdCompress } from "node:zlib";
import { describe, expect, it } from "vitest";
import { systemClock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";
import { MemoryDisk } from "#sim/memory-disk.ts";
import { FileDisk } from "#test/fakes/file-disk.ts";
import { writeImage } from "./write-image.ts";

const { signal } = new AbortController();
const MIB = 1_048_576;
const NOW = { now: () => Date.now(), sleep: () => systemClock.sleep(1 as Duration, signal) };
const DEPS = { clock: NOW, random: () => 0, log: () => {} };

/** Data, a long run of zeros, data, and an end that fills no block. */
const IMAGE = Buffer.concat([
  Buffer.alloc(MIB + 70_000, "data"),
  Buffer.alloc(5 * MIB), // past what is cleared before each write
  Buffer.alloc(100_000, "more"),
]);
const sha256 = (bytes: Buffer): string =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

async function serve(listener: RequestListener): Promise<AsyncDisposable & { url: URL }> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  return {
    url: new URL(`http://127.0.0.1:${port}/images/a`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Serves bytes, whole or from where a Range begins. */
const file =
  (bytes: Buffer): RequestListener =>
  (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const range = { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(from === 0 ? 200 : 206, {
      "content-length": bytes.length - from,
      ...(from === 0 ? {} : range),
    });
    response.end(bytes.subarray(from));
  };

type Compression = "none" | "gzip" | "zstd" | "xz";

async function write(disk: FileDisk, listener: RequestListener, packed: Buffer, how: Compression) {
  await using server = await serve(listener);
  const artifact = { format: "raw", compression: how, digest: sha256(packed) } as const;
  return await disk.after((device) =>
    writeImage({ url: server.url, artifact }, device, () => {}, DEPS, signal),
  );
}

describe("writeImage", () => {
  it.each([
    ["none", async () => IMAGE],
    ["gzip", () => promisify(gzip)(IMAGE)],
    ["xz", async () => execFileSync("xz", ["-1c"], { input: IMAGE, maxBuffer: 8 * MIB })],
    ["zstd", () => promisify(zstdCompress)(IMAGE)],
    [
      "zstd", // two frames, as `zstd` makes of two files
      async () => {
        const halves = [IMAGE.subarray(0, 3 * MIB), IMAGE.subarray(3 * MIB)];
        return Buffer.concat(
          await Promise.all(halves.map((half) => promisify(zstdCompress)(half))),
        );
      },
    ],
  ] as const)("writes what was compressed by %s, over what was there before", async (how, pack) => {
    const packed = await pack();
    await using disk = await FileDisk.make(12 * MIB, Buffer.alloc(12 * MIB, "OLD"));
    const bytes = await write(disk, file(packed), packed, how);
    expect(bytes.subarray(0, IMAGE.length).equals(IMAGE)).toBe(true);
    expect(
      bytes.subarray(-MIB).every((byte) => byte === 0),
      "the old backup table",
    ).toBe(true);
  });

  it("skips zeros where the disk zeroes by itself, and leaves nothing of what was there", async () => {
    await using server = await serve(file(IMAGE));
    const artifact = { format: "raw", compression: "none", digest: sha256(IMAGE) } as const;
    const disk = new MemoryDisk({ sizeBytes: 12 * MIB, sectorSize: 512, used: true });
    await writeImage({ url: server.url, artifact }, disk, () => {}, DEPS, signal);
    expect(disk.peek(0, IMAGE.length).equals(IMAGE)).toBe(true);
  });

  it("goes on where a connection broke off", async () => {
    let requests = 0;
    const listener: RequestListener = (request, response) => {
      requests += 1;
      if (requests > 2) return file(IMAGE)(request, response);
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      response.writeHead(from === 0 ? 200 : 206, {
        "content-length": IMAGE.length - from,
        "content-range": `bytes ${from}-${IMAGE.length - 1}/${IMAGE.length}`,
      });
      response.write(IMAGE.subarray(from, from + 500_000), () => response.destroy());
    };
    await using disk = await FileDisk.make(8 * MIB);
    const bytes = await write(disk, listener, IMAGE, "none");
    expect(bytes.subarray(0, IMAGE.length).equals(IMAGE)).toBe(true);
    expect(requests).toBe(3);
  });

  it("asks again while the rack is busy", async () => {
    let busy = 3;
    const listener: RequestListener = (request, response) =>
      busy-- > 0 ? response.writeHead(503).end() : file(IMAGE)(request, response);
    await using disk = await FileDisk.make(8 * MIB);
    const bytes = await write(disk, listener, IMAGE, "none");
    expect(bytes.subarray(0, IMAGE.length).equals(IMAGE)).toBe(true);
  });

  it("leaves a disk that does not boot when the digest does not match", async () => {
    await using disk = await FileDisk.make(8 * MIB, Buffer.alloc(8 * MIB, "OLD"));
    const wrong = write(disk, file(IMAGE), Buffer.from("another"), "none");
    await expect(wrong).rejects.toMatchObject({ reason: "DigestMismatch" });
    const bytes = await disk.after(async () => {});
    expect(bytes.subarray(0, MIB).equals(Buffer.alloc(MIB))).toBe(true);
  });

  it("writes an image that is smaller than its head", async () => {
    const small = Buffer.alloc(70_100, "small");
    await using disk = await FileDisk.make(12 * MIB, Buffer.alloc(12 * MIB, "OLD"));
    const bytes = await write(disk, file(small), small, "none");
    expect(bytes.subarray(0, small.length).equals(small)).toBe(true);
  });

  it.each([
    ["ImageUnavailable", "the rack has none", IMAGE, 404],
    ["ImageCorrupt", "it cannot be decompressed", IMAGE, 200],
  ] as const)("ends with %s when %s", async (reason, _, bytes, status) => {
    const listener: RequestListener = (request, response) =>
      status === 200 ? file(bytes)(request, response) : response.writeHead(status).end();
    await using disk = await FileDisk.make(8 * MIB);
    await expect(write(disk, listener, bytes, "zstd")).rejects.toMatchObject({ reason });
  });

  it("ends with DiskTooSmall when more comes than the disk takes", async () => {
    await using server = await serve(file(IMAGE));
    const artifact = { format: "raw", compression: "none", digest: sha256(IMAGE) } as const;
    const disk = new MemoryDisk({ sizeBytes: 2 * MIB, sectorSize: 512, used: true });
    const writing = writeImage({ url: server.url, artifact }, disk, () => {}, DEPS, signal);
    await expect(writing).rejects.toMatchObject({ reason: "DiskTooSmall" });
  });
});
