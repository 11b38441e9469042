import { describe, expect, it } from "vitest";
import type { OSImage } from "#api/os-image.ts";
import type { Rack } from "#api/rack.ts";
import { findCondition } from "#kube/conditions.ts";
import { type ImageDeps, imageStatus, reconcileImage } from "./reconcile.ts";

const image = {
  metadata: { name: "debian", uid: "u", resourceVersion: "1", generation: 2 },
  spec: { artifacts: [{ digest: "sha256:a" }] },
} as unknown as OSImage;

const rack = (name: string, zone: string, state: string, message?: string, digest = "sha256:a") =>
  ({
    metadata: { name },
    spec: { zone },
    status: { images: [{ digest, state, ...(message && { message }) }] },
  }) as unknown as Rack;

const cached = rack("r1", "east", "Cached");
const failed = rack("r2", "west", "Failed", "404 of http://images/os");
const told = (...racks: readonly Rack[]) => {
  const { conditions, cachedOn } = imageStatus(image, racks, 0, 0);
  const { status, reason, message } = findCondition(conditions, "Ready") ?? {};
  return { status, reason, message, cachedOn };
};

describe("an image", () => {
  it("is usable where nobody has needed it yet", () => {
    expect(told()).toMatchObject({ status: "True", reason: "Usable", cachedOn: undefined });
  });

  it("is not where no rack could get it, and says which tried", () => {
    expect(told(failed, rack("r0", "east", "Failed"))).toEqual({
      status: "False",
      reason: "FetchFailed",
      message:
        "Rack r0 of zone east: it could not be fetched. Rack r2 of zone west: 404 of http://images/os.",
      cachedOn: undefined,
    });
  });

  it("is not while a rack that could not get it tries again", () => {
    expect(told(rack("r1", "east", "Fetching"))).toMatchObject({ status: "True" });
    expect(told(rack("r1", "east", "Fetching", "http://images/os sent nothing for 30 s"))).toEqual({
      status: "False",
      reason: "FetchFailed",
      message: "Rack r1 of zone east: http://images/os sent nothing for 30 s.",
      cachedOn: undefined,
    });
  });

  it("is where one has it, and says of which zone's racks that they could not get it", () => {
    expect(told(cached, failed)).toEqual({
      status: "True",
      reason: "Usable",
      message:
        "Racks fetch it when a machine needs it, and check its digest. Some could not get it: Rack r2 of zone west: 404 of http://images/os.",
      cachedOn: ["r1"],
    });
  });

  it("says it in a thousand characters, however many racks could not get it", () => {
    const racks = Array.from({ length: 500 }, (_, n) => rack(`r${n}`, "east", "Failed"));
    expect(told(...racks).message).toHaveLength(1_024);
  });

  it("is not blamed for another one", () => {
    expect(told(rack("r1", "east", "Failed", "404", "sha256:b"))).toMatchObject({ status: "True" });
  });

  it("says it the same in whatever order the racks come", () => {
    const other = rack("r3", "west", "Failed");
    expect(told(cached, failed, other)).toEqual(told(other, failed, cached));
  });
});

describe("an event of an image", () => {
  async function events(racks: readonly Rack[], before?: OSImage["status"]): Promise<string[]> {
    const said: string[] = [];
    const deps: ImageDeps = {
      now: () => 0,
      get: () => ({ ...image, ...(before && { status: before }) }),
      racks: () => racks,
      machinesOf: () => [],
      event: (_, { reason }) => void said.push(reason),
      writeStatus: async (one) => one,
    };
    await reconcileImage("debian", deps, AbortSignal.timeout(5_000));
    return said;
  }

  it("tells of a zone that cannot have it, once, though another zone has", async () => {
    const racks = [cached, failed];
    expect(await events(racks)).toEqual(["FetchFailed"]);
    expect(await events(racks, imageStatus(image, racks, 0, 0))).toEqual([]);
  });

  it("is not told where all is well", async () => {
    expect(await events([cached])).toEqual([]);
  });
});
