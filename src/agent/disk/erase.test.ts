import { describe, expect, it } from "vitest";
import type { BlockDevice } from "#agent/hardware.ts";
import type { InventoryDisk } from "#api/machine-inventory.ts";
import { MemoryDisk } from "#sim/memory-disk.ts";
import { FileDisk } from "#test/fakes/file-disk.ts";
import { eraseDisk } from "./erase.ts";

const { signal } = new AbortController();
const MIB = 1_048_576;
const DISK: InventoryDisk = { name: "a", sizeBytes: 24 * MIB, remote: false, blank: false };

const full = () => FileDisk.make(DISK.sizeBytes, Buffer.alloc(DISK.sizeBytes, "secret"));
const erase = (device: BlockDevice, method: "Quick" | "Full" | "Secure") =>
  eraseDisk(DISK, device, method, () => {}, signal);

describe("eraseDisk", () => {
  it.each(["Full", "Secure"] as const)("leaves only zeros after %s", async (method) => {
    await using disk = await full();
    const bytes = await disk.after(async (device) => {
      expect(await erase(device, method)).toStrictEqual({
        outcome: "Erased",
        method: "overwrite",
        claims: "Clear",
        message: "verified: read whole",
      });
    });
    expect(bytes.equals(Buffer.alloc(DISK.sizeBytes))).toBe(true);
  });

  it.each([
    { sizeBytes: 2 ** 30, length: MIB, message: "verified: read whole" },
    { sizeBytes: 2 ** 30 + MIB, length: 65_536, message: "verified by 1,024 samples of 64 KiB" },
  ])("says of a disk of $sizeBytes bytes: $message", async ({ sizeBytes, length, message }) => {
    const disk = new MemoryDisk({ sizeBytes, sectorSize: 512, used: true });
    const lengths: number[] = [];
    const read: BlockDevice["read"] = async (position, bytes) => {
      lengths.push(bytes);
      return disk.peek(position, bytes);
    };
    const result = await erase(Object.assign(disk, { read }), "Full");
    expect(result).toMatchObject({ outcome: "Erased", message });
    expect(lengths).toStrictEqual(new Array(1_024).fill(length));
  });

  it("clears both ends after Quick, and claims nothing for the rest", async () => {
    await using disk = await full();
    const bytes = await disk.after(async (device) => {
      expect(await erase(device, "Quick")).toStrictEqual({
        outcome: "Erased",
        method: "signatures",
      });
    });
    expect(bytes.subarray(0, MIB).equals(Buffer.alloc(MIB))).toBe(true);
    expect(bytes.subarray(-MIB).equals(Buffer.alloc(MIB))).toBe(true);
    expect(bytes.subarray(12 * MIB, 12 * MIB + 6).toString()).toMatch(
      /secret|ecrets|cretse|retsec|etsecr|tsecre/,
    );
  });

  it("finds out a disk that says that it zeroed and did not", async () => {
    await using disk = await full();
    await using device = await disk.device();
    const liar: BlockDevice = {
      sizeBytes: device.sizeBytes,
      sectorSize: device.sectorSize,
      zeroesFast: true,
      zero: (position, length, how, until) => device.zero(position, length - 1_024, how, until),
      read: (position, length, until) => device.read(position, length, until),
      write: (position, bytes, until) => device.write(position, bytes, until),
      settle: (until) => device.settle(until),
      forget: (until) => device.forget(until),
      [Symbol.asyncDispose]: async () => {},
    };
    expect(await erase(liar, "Full")).toStrictEqual({
      outcome: "Failed",
      method: "write-zeroes",
      message: expect.stringMatching(
        `^not zero at byte ${DISK.sizeBytes - 1_024} after it: replace it .*keepDisks`,
      ),
    });
  });
});
