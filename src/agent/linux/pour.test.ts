import { describe, expect, it } from "vitest";
import { pour } from "./pour.ts";

const MIB = 1_048_576;
const options = { compression: "none", skip: MIB, sparse: false } as const;

async function* bytes(count: number) {
  for (let n = 0; n < count; n++) yield Buffer.alloc(MIB, 1);
}

describe("pour", () => {
  const { signal } = new AbortController();

  it("ends with DiskTooSmall where there is no room left", async () => {
    const pouring = pour("/dev/full", bytes(8), options, signal);
    await expect(pouring).rejects.toMatchObject({ reason: "DiskTooSmall" });
  });

  it("ends with DiskFailed and what dd says where nothing can be written", async () => {
    const pouring = pour("/dev/null/disk", bytes(8), options, signal);
    await expect(pouring).rejects.toMatchObject({
      reason: "DiskFailed",
      message: expect.stringContaining("Not a directory"),
    });
  });

  it("ends with what the source throws", async () => {
    async function* broken() {
      yield Buffer.alloc(MIB);
      throw new Error("the rack is gone");
    }
    await expect(pour("/dev/null", broken(), options, signal)).rejects.toThrow("the rack is gone");
  });

  it("stops at once when it is told to", async () => {
    const stop = new AbortController();
    async function* endless() {
      for (let n = 0; ; n++) {
        if (n === 3) stop.abort(new Error("no grant any more"));
        yield Buffer.alloc(MIB);
      }
    }
    const pouring = pour("/dev/null", endless(), options, stop.signal);
    await expect(pouring).rejects.toThrow("no grant any more");
  });
});
