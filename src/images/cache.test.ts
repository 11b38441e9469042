import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Clock, systemClock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";
import { createLog } from "#base/log.ts";
import { type Mood, startUpstream } from "#test/fakes/upstream.ts";
import { type ArtifactRef, ImageCache, type ImageReader } from "./cache.ts";

/** Pauses between attempts are none. */
const clock: Clock = { now: systemClock.now, sleep: async () => {} };
const FROM_THE_MIDDLE = expect.stringMatching(/^bytes=[1-9]\d*-$/);
const log = createLog("test", "silent");

let dir = "";
let stop = new AbortController();
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "images-"));
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await rm(dir, { recursive: true });
});

const openCache = (maxBytes = 1e9): Promise<ImageCache> =>
  ImageCache.open({ dir, maxBytes, clock, log, stall: 60 as Duration }, stop.signal);

async function all(reader: ImageReader, chunk = 65_536): Promise<Buffer> {
  const into = Buffer.alloc(chunk);
  const parts: Buffer[] = [];
  let at = 0;
  while (at < reader.size) {
    const length = await reader.read(into, at, stop.signal);
    if (length === 0) break;
    parts.push(Buffer.from(into.subarray(0, length)));
    at += length;
  }
  return Buffer.concat(parts);
}

async function fetched(cache: ImageCache, ref: ArtifactRef): Promise<Buffer> {
  await using reader = await cache.read(ref, stop.signal);
  return await all(reader);
}

/** Until the cache says so of the artifact. */
async function reached(cache: ImageCache, state: string): Promise<void> {
  while (!cache.states().some((one) => one.state === state)) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("an image", () => {
  it("is fetched once, however many ask, and then is there", async () => {
    await using upstream = await startUpstream();
    const cache = await openCache();
    const copies = await Promise.all(Array.from({ length: 20 }, () => fetched(cache, upstream)));
    expect(copies.every((copy) => copy.equals(upstream.content))).toBe(true);
    await reached(cache, "Cached");
    expect(await fetched(cache, upstream)).toEqual(upstream.content);
    expect(upstream.requests).toHaveLength(1);
  });

  it("can be read from any offset", async () => {
    await using upstream = await startUpstream();
    const cache = await openCache();
    await using reader = await cache.read(upstream, stop.signal);
    await reached(cache, "Cached"); // before that it may give less at a time
    const into = Buffer.alloc(10);
    expect(await reader.read(into, 299_995, stop.signal)).toBe(5);
    expect(into.subarray(0, 5)).toEqual(upstream.content.subarray(299_995));
    expect(await reader.read(into, 300_000, stop.signal)).toBe(0);
  });

  it("survives a restart of the rack", async () => {
    await using upstream = await startUpstream();
    const before = await openCache();
    await fetched(before, upstream);
    await reached(before, "Cached");
    stop.abort();
    stop = new AbortController();
    expect(await fetched(await openCache(), upstream)).toEqual(upstream.content);
    expect(upstream.requests).toHaveLength(1);
  });

  it("is fetched again where somebody deleted the file", async () => {
    await using upstream = await startUpstream();
    const cache = await openCache();
    await fetched(cache, upstream);
    await reached(cache, "Cached");
    for (const name of await readdir(dir)) await rm(join(dir, name));
    expect(await fetched(cache, upstream)).toEqual(upstream.content);
  });

  it("comes without a length, too", async () => {
    await using upstream = await startUpstream({ length: false });
    expect(await fetched(await openCache(), upstream)).toEqual(upstream.content);
  });

  it.each<{ title: string; moods: Mood[]; ranges?: boolean; requests: string[] }>([
    {
      title: "goes on where the connection broke",
      moods: [{ breaksAfter: 100_000 }],
      requests: ["", FROM_THE_MIDDLE],
    },
    {
      title: "goes on where nothing more came",
      moods: [{ stallsAfter: 100_000 }],
      requests: ["", FROM_THE_MIDDLE],
    },
    {
      title: "begins anew where the server cannot go on",
      moods: [{ breaksAfter: 100_000 }],
      ranges: false,
      requests: ["", FROM_THE_MIDDLE],
    },
    { title: "is asked for again after a 503", moods: [{ status: 503 }], requests: ["", ""] },
    {
      title: "is followed to another place",
      moods: [{ status: 302, location: "/elsewhere" }],
      requests: ["", ""],
    },
  ])("$title", async ({ moods, requests, ranges = true }) => {
    await using upstream = await startUpstream({ moods, ranges });
    expect(await fetched(await openCache(), upstream)).toEqual(upstream.content);
    expect(upstream.requests).toEqual(requests);
  });

  it("goes on with what an earlier process has left", async () => {
    await using upstream = await startUpstream();
    const name = `${upstream.digest.replace(":", "-")}.partial`;
    await writeFile(join(dir, name), upstream.content.subarray(0, 1_000));
    expect(await fetched(await openCache(), upstream)).toEqual(upstream.content);
    expect(upstream.requests).toEqual(["bytes=1000-"]);
  });

  it("begins anew where what was left is no good", async () => {
    await using upstream = await startUpstream();
    const name = `${upstream.digest.replace(":", "-")}.partial`;
    await writeFile(join(dir, name), randomBytes(1_000));
    const cache = await openCache();
    cache.prefetch(upstream);
    await reached(cache, "Cached");
    expect(await fetched(cache, upstream)).toEqual(upstream.content);
    expect(upstream.requests).toEqual(["bytes=1000-", ""]);
  });

  it("makes room for another, the least used one going first", async () => {
    await using first = await startUpstream();
    await using second = await startUpstream();
    const cache = await openCache(400_000);
    await fetched(cache, first);
    await reached(cache, "Cached");
    await fetched(cache, second);
    await reached(cache, "Cached");
    while (cache.states().length > 1) await new Promise((resolve) => setImmediate(resolve));
    expect(cache.states()).toEqual([{ digest: second.digest, state: "Cached" }]);
  });
});

describe("an image that cannot be had", () => {
  it.each<{ title: string; moods: Mood[]; reason: string; message: RegExp }>([
    {
      title: "is not there",
      moods: [{ status: 404 }],
      reason: "NotFound",
      message: /os\.raw\.zst answered HTTP 404$/,
    },
    {
      title: "is forbidden",
      moods: [{ status: 403 }],
      reason: "Refused",
      message: /answered HTTP 403$/,
    },
    {
      title: "never comes",
      moods: Array.from({ length: 5 }, () => ({ stallsAfter: 0 })),
      reason: "Stalled",
      message: /sent nothing for 0\.06 s$/,
    },
  ])("because it $title is said so", async ({ moods, reason, message }) => {
    await using upstream = await startUpstream({ moods });
    const cache = await openCache();
    await expect(fetched(cache, upstream)).rejects.toMatchObject({
      reason,
      message: expect.stringMatching(message),
    });
    expect(cache.states()).toMatchObject([{ state: "Failed", message: expect.any(String) }]);
  });

  it("for now is told while it is tried again, until enough of it comes", async () => {
    const moods: Mood[] = [{ stallsAfter: 0 }, { status: 503 }, { stallsAfter: 2_000_000 }];
    await using upstream = await startUpstream({ size: 3_000_000, moods });
    const cache = await openCache();
    const heard: unknown[] = [];
    cache.onChange(() => heard.push(cache.states().map(({ state, message }) => [state, message])));
    cache.prefetch(upstream);
    await reached(cache, "Cached");
    const [begun, ...rest] = heard;
    expect(begun).toEqual([["Fetching", undefined]]);
    expect(rest).toEqual([
      [["Fetching", expect.stringContaining("sent nothing for 0.06 s")]],
      [["Fetching", expect.stringContaining("answered HTTP 503")]],
      [["Fetching", undefined]],
      [["Fetching", expect.stringContaining("sent nothing for 0.06 s")]],
      [["Cached", undefined]],
    ]);
  });

  it("because its digest is another one says which, and leaves nothing", async () => {
    await using upstream = await startUpstream();
    const digest = `sha256:${createHash("sha256").update("something else").digest("hex")}`;
    const cache = await openCache();
    cache.prefetch({ ...upstream, digest });
    await reached(cache, "Failed");
    const [state] = cache.states();
    expect(state?.message).toContain(
      `has the digest ${upstream.digest}, not ${digest}`.slice(0, 90),
    );
    expect(await readdir(dir)).toEqual([]);
  });

  it("because it comes too slowly makes room for the next one, and goes on after that", async () => {
    await using slow = await startUpstream({ size: 4_000_000 });
    await using next = await startUpstream();
    let time = 0;
    let passes = 40_000; // milliseconds from one look at the clock to the next
    const now = (): number => (time += passes);
    const options = { dir, maxBytes: 1e9, clock: { ...clock, now }, log, maxDownloads: 1 };
    const cache = await ImageCache.open(options, stop.signal);
    cache.prefetch(slow);
    cache.prefetch(next);
    expect([cache.ahead(slow.digest), cache.ahead(next.digest)]).toEqual([0, 1]);
    await reached(cache, "Failed");
    expect(cache.states()).toContainEqual({
      digest: slow.digest,
      state: "Failed",
      message: expect.stringMatching(/os\.raw\.zst sends \d+\.\d KiB\/s, less than 64\.0:/),
    });
    expect(slow.requests).toEqual([""]);
    passes = 0;
    await reached(cache, "Cached");
    time += 10_000;
    expect(await fetched(cache, slow)).toEqual(slow.content);
    expect(slow.requests).toEqual(["", FROM_THE_MIDDLE]);
  });

  it("does not hold up the next one", async () => {
    await using bad = await startUpstream({ moods: [{ status: 404 }] });
    await using good = await startUpstream();
    const cache = await openCache();
    await expect(fetched(cache, bad)).rejects.toThrow("404");
    expect(await fetched(cache, good)).toEqual(good.content);
  });

  it("is not asked for again at once by those who come late", async () => {
    await using upstream = await startUpstream({ moods: [{ status: 404 }] });
    const cache = await openCache();
    await expect(fetched(cache, upstream)).rejects.toThrow("404");
    await expect(fetched(cache, upstream)).rejects.toThrow("404");
    expect(upstream.requests).toHaveLength(1);
  });

  it.each(["file:///etc/passwd", "ftp://host/os", "nonsense"])("is %s", async (url) => {
    const cache = await openCache();
    const digest = `sha256:${"0".repeat(64)}`;
    await expect(fetched(cache, { url, digest })).rejects.toMatchObject({ reason: "BadUrl" });
  });

  it.each(["../../etc/passwd", "sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e"])(
    "has the digest %s",
    async (digest) => {
      const cache = await openCache();
      const ref = { url: "http://127.0.0.1:1/", digest };
      await expect(fetched(cache, ref)).rejects.toMatchObject({ reason: "BadDigest" });
    },
  );

  it("shows no password of its URL", async () => {
    const cache = await openCache();
    const url = "http://user:hunter2@127.0.0.1:1/os?signature=hunter2";
    const ref = { url, digest: `sha256:${"0".repeat(64)}` };
    const error = await fetched(cache, ref).catch((caught: unknown) => caught);
    expect(String(error)).toContain("http://127.0.0.1:1/os");
    expect(JSON.stringify([String(error), cache.states()])).not.toContain("hunter2");
  });
});
