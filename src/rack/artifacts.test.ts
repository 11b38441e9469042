import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { seconds } from "#base/duration.ts";
import { createLog } from "#base/log.ts";
import { ImageCache } from "#images/cache.ts";
import type { HttpRequest } from "#netboot/http/message.ts";
import { FakeClock } from "#test/fakes/clock.ts";
import { startUpstream } from "#test/fakes/upstream.ts";
import { serveImage } from "./artifacts.ts";
import type { Desk } from "./desk.ts";

const stop = new AbortController();
let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "images-"));
});
afterEach(async () => {
  stop.abort();
  await rm(dir, { recursive: true });
});

describe("an image that has not begun to come", () => {
  it("is said to wait behind the others that are fetched, or for its own upstream", async () => {
    await using first = await startUpstream({ moods: [{ status: 0 }] });
    await using second = await startUpstream();
    const clock = new FakeClock();
    const log = createLog("test", "silent");
    const options = { dir, maxBytes: 1e9, clock, log, maxDownloads: 1 };
    const images = await ImageCache.open(options, stop.signal);
    const named = [first, second].map(({ digest, url }) => ({
      spec: { artifacts: [{ digest, url }] },
    }));
    const view = { tasks: { by: () => [] }, images: { by: () => named } };
    const desk = { view, clock, count: () => undefined } as unknown as Desk;
    const ask = ({ digest }: { digest: string }) => {
      const request = { params: { digest } } as unknown as HttpRequest;
      return Promise.resolve(serveImage(request, { desk, images }, stop.signal)).catch(
        (error: unknown) => error,
      );
    };
    const answers = Promise.all([ask(first), ask(second)]);
    await clock.advance(seconds(20));
    expect(await answers).toMatchObject([
      { status: 503, message: "its upstream has not begun to send: ask again" },
      { status: 503, message: "the image waits behind 1 other that this rack fetches: ask again" },
    ]);
  });
});
