import { type IncomingMessage, request as plain } from "node:http";
import { request as secure } from "node:https";
import type { Duration } from "#base/duration.ts";
import { ImageError, shown } from "./image-error.ts";

/** The bytes of a file from `offset` on. */
export interface Upstream {
  /** Of the whole file; `null`: the server does not say. */
  readonly size: number | null;
  /** 0 where the server cannot go on from the middle, or the file is another one by now. */
  readonly offset: number;
  /** @throws {@link ImageError} Stalled or Unreachable */
  chunks(): AsyncIterable<Uint8Array>;
}

export interface UpstreamRequest {
  readonly url: string;
  /** Bytes that are here already. */
  readonly offset: number;
  /** Without a byte for so long the connection is given up. */
  readonly stall: Duration;
}

const MAX_REDIRECTS = 5;

/** Asks for a file over http or https. @throws {@link ImageError} */
export async function openUpstream(
  { url, offset, stall }: UpstreamRequest,
  signal: AbortSignal,
): Promise<Upstream> {
  let target = parse(url);
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await ask(target, offset, stall, signal);
    const { statusCode = 0, headers } = response;
    if (statusCode < 300 || statusCode === 416) return upstreamOf(response, target, offset, signal);
    response.destroy();
    if (statusCode >= 400 || headers.location === undefined) throw failure(target, statusCode);
    target = parse(headers.location, target);
  }
  throw new ImageError("Refused", `${shown(url)}: more than ${MAX_REDIRECTS} redirects`);
}

function parse(url: string, base?: URL): URL {
  const parsed = URL.parse(url, base?.href);
  if (parsed !== null && /^https?:$/.test(parsed.protocol)) return parsed;
  throw new ImageError("BadUrl", `${shown(url)}: only http and https can be fetched`);
}

function ask(
  url: URL,
  offset: number,
  stall: Duration,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const range = offset > 0 ? { range: `bytes=${offset}-` } : {};
  const headers = { "accept-encoding": "identity", "user-agent": "steelyard-rack", ...range };
  const send = url.protocol === "https:" ? secure : plain;
  return new Promise((resolve, reject) => {
    const request = send(url, { headers, signal, timeout: stall });
    request.once("response", (response) => {
      request.on("timeout", () => response.destroy(stalled(url, stall)));
      resolve(response);
    });
    request.on("timeout", () => request.destroy(stalled(url, stall)));
    request.once("error", (error) => reject(fault(url, error, signal)));
    request.end();
  });
}

const stalled = (url: URL, stall: Duration): ImageError =>
  new ImageError("Stalled", `${shown(url.href)} sent nothing for ${stall / 1_000} s`);

function fault(url: URL, error: Error, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof ImageError) return error;
  return new ImageError("Unreachable", `${shown(url.href)}: ${error.message}`, { cause: error });
}

function failure(url: URL, status: number): ImageError {
  const reason = status === 404 || status === 410 ? "NotFound" : "Refused";
  const passing = status >= 500 || status === 429 || status === 408;
  return new ImageError(
    passing ? "Unreachable" : reason,
    `${shown(url.href)} answered HTTP ${status}`,
  );
}

function upstreamOf(
  response: IncomingMessage,
  url: URL,
  asked: number,
  signal: AbortSignal,
): Upstream {
  const { statusCode, headers } = response;
  if (statusCode === 416) {
    response.destroy(); // the file ends where we are, or before: its digest will tell
    return { size: asked, offset: asked, chunks: () => nothing() };
  }
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers["content-range"] ?? "") ?? [];
  const resumed = statusCode === 206 && Number(first) === asked;
  if (statusCode === 206 && !resumed) {
    response.destroy();
    throw new ImageError("Refused", `${shown(url.href)} sent another range than was asked for`);
  }
  const length = headers["content-length"];
  const whole = length === undefined ? null : Number(length);
  return {
    size: resumed ? Number(total) : whole,
    offset: resumed ? asked : 0,
    chunks: () => chunksOf(response, url, signal),
  };
}

async function* nothing(): AsyncIterable<Uint8Array> {}

async function* chunksOf(
  response: IncomingMessage,
  url: URL,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    throw fault(url, error instanceof Error ? error : new Error(String(error)), signal);
  }
}
