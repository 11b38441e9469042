import { describe, expect, it } from "vitest";
import type { BlockDevice, Hardware } from "#agent/hardware.ts";
import { TaskError } from "#agent/task-error.ts";
import type { InventoryDisk } from "#api/machine-inventory.ts";
import { MemoryDisk } from "#sim/memory-disk.ts";
import { openDisk } from "./open-disk.ts";

const { signal } = new AbortController();
const DISK: InventoryDisk = {
  ...{ name: "sdb", serial: "S1", sizeBytes: 8_192, remote: false, blank: true },
};
const NAMED = /^disk sdb \(S1\): .*: replace it and change .*keepDisks/;

/** With some of its methods replaced. */
const open = (faults: Partial<BlockDevice> | Error, until = signal) => {
  const hardware: Pick<Hardware, "openDisk"> = {
    openDisk: async () => {
      if (faults instanceof Error) throw faults;
      const disk = new MemoryDisk({ sizeBytes: 8_192, sectorSize: 512, used: false });
      return Object.assign(disk, faults);
    },
  };
  return openDisk(hardware, DISK, { kind: "Erase" }, until);
};

const pouring = async (error: unknown) => {
  const device = await open({ pour: () => Promise.reject(error) });
  const nothing = (async function* () {})();
  await device.pour?.(nothing, { compression: "none", skip: 0, sparse: false }, signal);
};

describe("openDisk", () => {
  it("names a disk that cannot be opened", async () => {
    const opening = open(new Error("ENXIO: no such device or address, open '/dev/sdb'"));
    await expect(opening).rejects.toMatchObject({ reason: "DiskFailed", message: NAMED });
    await expect(opening).rejects.toThrow("ENXIO");
  });

  it("says from where on what was written may not be there", async () => {
    let sick = false;
    const settle = async (): Promise<void> => {
      if (sick) throw new Error("EIO");
    };
    const device = await open({ settle });
    await device.write(0, Buffer.alloc(512), signal);
    await device.settle(signal);
    await device.write(4_096, Buffer.alloc(512), signal);
    await device.write(1_024, Buffer.alloc(512), signal);
    sick = true;
    await expect(device.settle(signal)).rejects.toThrow(/\): write from byte 1024 on: EIO: /);
  });

  it("names a disk that does not take an image, and no disk for what is the image's fault", async () => {
    const full = new TaskError("DiskFailed", "dd: error writing '/dev/sdb': Input/output error");
    await expect(pouring(full)).rejects.toMatchObject({ reason: "DiskFailed", message: NAMED });
    const corrupt = new TaskError("ImageCorrupt", "zstd: unexpected end of file");
    await expect(pouring(corrupt)).rejects.toBe(corrupt);
  });

  it("blames no disk for a task that was stopped", async () => {
    const stop = new AbortController();
    const device = await open({}, stop.signal);
    stop.abort(new Error("no grant any more"));
    await expect(device.write(0, Buffer.alloc(512), stop.signal)).rejects.toBe(stop.signal.reason);
  });
});
