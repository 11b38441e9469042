import type { IncomingMessage } from "node:http";
import { ask, Unreachable } from "#agent/http.ts";
import type { RetryDeps } from "#agent/retry.ts";
import { TaskError } from "#agent/task-error.ts";
import { backoff } from "#base/backoff.ts";
import { seconds } from "#base/duration.ts";

/** Tries without a single byte in between, some ten seconds apart in the end. */
const TRIES = 20;
/** Without a byte for so long, the connection is given up and another made. */
const STALL_MS = 30_000;

interface Part {
  readonly response: IncomingMessage;
  /** Where its first byte belongs. */
  readonly from: number;
  /** Of the whole file; `null` if the rack does not say. */
  readonly size: number | null;
}

/** How far a download has come. */
interface Place {
  position: number;
}

type Received = (bytes: number, size: number | null) => void;

/**
 * The bytes of a file, in order, each once. A connection that breaks or stalls is made good by
 * another from where it broke off (RFC 9110 section 14.2). @throws {@link TaskError}
 */
export async function* download(
  url: URL,
  deps: RetryDeps,
  signal: AbortSignal,
  received: Received = () => {},
): AsyncGenerator<Buffer, void, void> {
  const place: Place = { position: 0 };
  for (let tried = 0; ; ) {
    const before = place.position;
    const broken = yield* attempt(url, place, received, signal);
    if (broken === null) return;
    signal.throwIfAborted();
    tried = place.position > before ? 0 : tried + 1;
    if (tried >= TRIES) throw new TaskError("ImageUnavailable", broken.message, { cause: broken });
    deps.log(broken.message);
    await deps.clock.sleep(backoff(seconds(0.5), seconds(12), tried, deps.random()), signal);
  }
}

/** One connection's worth; returns why it broke off, or `null` at the file's end. */
async function* attempt(
  url: URL,
  place: Place,
  received: Received,
  signal: AbortSignal,
): AsyncGenerator<Buffer, Unreachable | null, void> {
  try {
    const part = await open(url, place.position, signal);
    for await (const chunk of bytesOf(part, place.position)) {
      place.position += chunk.length;
      received(place.position, part.size);
      yield chunk;
    }
    if (part.size === null || place.position >= part.size) return null;
    return new Unreachable(`${url.pathname}: ended at ${place.position} of ${part.size} bytes`);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    return error;
  }
}

async function open(url: URL, from: number, signal: AbortSignal): Promise<Part> {
  const headers: Record<string, string> = from === 0 ? {} : { range: `bytes=${from}-` };
  const response = await ask({ url, headers }, signal);
  const { statusCode: status = 0 } = response;
  response.setTimeout(STALL_MS, () => response.destroy(new Error("stalled")));
  if (status === 200)
    return { response, from: 0, size: number(response.headers["content-length"]) };
  if (status === 206) return partOf(response);
  const message = `${url.pathname}: HTTP ${status}: ${await words(response)}`;
  if (status >= 500 || status === 429 || status === 408) throw new Unreachable(message);
  throw new TaskError("ImageUnavailable", message);
}

/** What the rack says is wrong, as far as it comes at once. */
async function words(response: IncomingMessage): Promise<string> {
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      return chunk.toString().trim().slice(0, 300);
    }
  } catch {
    // the status alone must do
  }
  return "";
}

function partOf(response: IncomingMessage): Part {
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers["content-range"] ?? "");
  if (range === null) {
    response.destroy();
    throw new TaskError("ImageUnavailable", "HTTP 206 without Content-Range");
  }
  return { response, from: Number(range[1]), size: number(range[2]) };
}

const number = (text: string | undefined): number | null =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : null;

/** What a part holds from `position` on. */
async function* bytesOf({ response, from }: Part, position: number): AsyncGenerator<Buffer> {
  let skip = position - from;
  if (skip < 0) throw new TaskError("ImageUnavailable", "the rack skipped a part of the image");
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      if (skip < chunk.length) yield chunk.subarray(skip);
      skip = Math.max(0, skip - chunk.length);
    }
  } catch (cause) {
    throw new Unreachable(cause instanceof Error ? cause.message : String(cause), { cause });
  } finally {
    response.destroy();
  }
}
