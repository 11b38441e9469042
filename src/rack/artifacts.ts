import { seconds } from "#base/duration.ts";
import type { ArtifactRef, ImageCache, ImageReader } from "#images/cache.ts";
import { ImageError } from "#images/image-error.ts";
import { HttpError, type HttpReply, type HttpRequest } from "#netboot/http/message.ts";
import { within } from "./deadline.ts";
import type { Desk } from "./desk.ts";
import { hasEnded } from "./due-task.ts";
import type { View } from "./view.ts";

/** Where an artifact comes from. Only what the API names is fetched: a rack is no open proxy. */
export function artifactOf({ images, tasks }: View, digest: string): ArtifactRef | null {
  for (const { spec } of tasks.by("digest", digest)) {
    if (spec.deploy !== undefined) return { digest, url: spec.deploy.artifact.url };
  }
  for (const { spec } of images.by("digest", digest)) {
    const found = spec.artifacts.find((artifact) => artifact.digest === digest);
    if (found !== undefined) return { digest, url: found.url };
  }
  return null;
}

/** `GET /images/<digest>`: from the cache, also while it is still coming in. */
export async function serveImage(
  { params }: HttpRequest,
  { desk, images }: { readonly desk: Desk; readonly images: ImageCache },
  signal: AbortSignal,
): Promise<HttpReply> {
  const digest = params["digest"] ?? "";
  const ref = artifactOf(desk.view, digest);
  if (ref === null) throw new HttpError(404, "no OSImage names this digest");
  return { source: await readerOf(ref, { desk, images }, signal) };
}

/** Shorter than an HTTP handler's patience, so that it can be said what is waited for. */
const FIRST_BYTE = seconds(20);

/** Why there is no byte of it yet. */
function notYet(digest: string, images: ImageCache): HttpError {
  const ahead = images.ahead(digest);
  const others = `${ahead} other${ahead === 1 ? "" : "s"} that this rack fetches`;
  const why = ahead > 0 ? `the image waits behind ${others}` : "its upstream has not begun to send";
  return new HttpError(503, `${why}: ask again`, { retryAfter: seconds(5) });
}

async function readerOf(
  ref: ArtifactRef,
  { desk, images }: { readonly desk: Desk; readonly images: ImageCache },
  signal: AbortSignal,
): Promise<ImageReader> {
  try {
    const read = (limited: AbortSignal) => images.read(ref, limited);
    const late = () => notYet(ref.digest, images);
    return await within(FIRST_BYTE, read, desk.clock, signal, late);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    desk.count("image", error.reason);
    // 424: asking again will not help, and the agent's task fails with these words.
    throw new HttpError(error.isPassing ? 502 : 424, error.message, { cause: error });
  }
}

/** Fetches what a Deploy will want as soon as it is recorded: the machine takes minutes to boot. */
export function prefetchFor(view: View, images: ImageCache): void {
  view.tasks.onChange((_, task) => {
    const artifact = task?.spec.deploy?.artifact;
    if (task !== undefined && artifact !== undefined && !hasEnded(task)) {
      images.prefetch({ digest: artifact.digest, url: artifact.url });
    }
  });
}
