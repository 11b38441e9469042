import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fromNumber } from "#base/ipv4.ts";
import { macOf } from "#base/mac.ts";
import { openLeaseFile } from "./lease-file.ts";
import type { Lease } from "./leases.ts";

const lease = (n: number, expires = 1_000): Lease => ({
  address: fromNumber(0x0a000000 + n),
  mac: macOf(Uint8Array.of(2, 0, 0, 0, n >> 8, n)),
  expires,
});
const none = (): Lease[] => [];
const signal = new AbortController().signal;

describe("the lease file", () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "leases-"));
    path = join(folder, "sub", "leases");
  });
  afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

  it("says that it was lost when there is none", async () => {
    const opened = await openLeaseFile(path, none, signal);
    expect(opened).toMatchObject({ lost: true, leases: [] });
    await opened.file[Symbol.asyncDispose]();
    const again = await openLeaseFile(path, none, signal);
    expect(again).toMatchObject({ lost: false, leases: [] });
    await again.file[Symbol.asyncDispose]();
  });

  it("has what was appended, the last word on each address", async () => {
    const { file } = await openLeaseFile(path, none, signal);
    await Promise.all([file.append(lease(1)), file.append(lease(2)), file.append(lease(1, 2_000))]);
    const onDisk = await readFile(path, "utf8"); // without waiting for the file to be closed
    expect(onDisk.split("\n")).toHaveLength(5);
    await file[Symbol.asyncDispose]();
    const again = await openLeaseFile(path, none, signal);
    expect(again.leases).toEqual([lease(1, 2_000), lease(2)]);
    await again.file[Symbol.asyncDispose]();
  });

  it("ignores a last line that a crash cut short, and lines that make no sense", async () => {
    const { file } = await openLeaseFile(path, none, signal);
    await file.append(lease(1));
    await file[Symbol.asyncDispose]();
    await writeFile(path, `${await readFile(path, "utf8")}nonsense\n10.0.0.2 02:00:00:00:00:02 99`);
    const again = await openLeaseFile(path, none, signal);
    expect(again.leases).toEqual([lease(1)]);
    await again.file[Symbol.asyncDispose]();
  });

  it("counts a file of something else as lost", async () => {
    const { file } = await openLeaseFile(path, none, signal);
    await file[Symbol.asyncDispose]();
    await writeFile(path, "steel");
    const again = await openLeaseFile(path, none, signal);
    expect(again.lost).toBe(true);
    await again.file[Symbol.asyncDispose]();
  });

  it("is written anew when most of it is old, and loses nothing by that", async () => {
    const { file } = await openLeaseFile(path, () => [lease(1), lease(2)], signal);
    await Promise.all(Array.from({ length: 5_000 }, (_, n) => file.append(lease(n % 2, n))));
    await file.append(lease(3));
    await file[Symbol.asyncDispose]();
    const again = await openLeaseFile(path, none, signal);
    expect(again.leases).toEqual([lease(1), lease(2), lease(3)]);
    await again.file[Symbol.asyncDispose]();
  });

  it("refuses an append when the disk does", async () => {
    const { file } = await openLeaseFile(path, none, signal);
    await file[Symbol.asyncDispose]();
    await expect(file.append(lease(1))).rejects.toThrow();
  });
});
