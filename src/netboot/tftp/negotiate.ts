import { type Duration, seconds } from "#base/duration.ts";
import type { TftpOptions } from "./packet.ts";

/** How a transfer is done. */
export interface Terms {
  readonly blockSize: number;
  readonly windowSize: number;
  readonly timeout: Duration;
  /** What the OptionAck says; `null`: the client named no option that we know, so none is sent. */
  readonly accepted: TftpOptions | null;
}

const DEFAULT_BLOCK = 512; // RFC 1350
const MIN_BLOCK = 8;
/** What an Ethernet frame holds: fragments are the first thing that a poor firmware stack loses. */
const MAX_BLOCK = 1_468;
const MAX_WINDOW = 64;
const DEFAULT_TIMEOUT = seconds(1);

/** RFC 2348 (blksize), 2349 (timeout, tsize), 7440 (windowsize). What is out of range is ignored. */
export function negotiate(requested: TftpOptions, size: number): Terms {
  const accepted = new Map<string, string>();
  const accept = (name: string, min: number, max: number): number | null => {
    const wanted = wholeNumber(requested.get(name));
    if (wanted === null || wanted < min) return null;
    const value = Math.min(wanted, max);
    accepted.set(name, String(value));
    return value;
  };
  const blockSize = accept("blksize", MIN_BLOCK, MAX_BLOCK) ?? DEFAULT_BLOCK;
  const windowSize = accept("windowsize", 1, MAX_WINDOW) ?? 1;
  // A timeout cannot be lowered, only taken or left: the client counts on its own value.
  const wanted = wholeNumber(requested.get("timeout"));
  const fits = wanted !== null && wanted >= 1 && wanted <= 255;
  if (fits) accepted.set("timeout", String(wanted));
  if (requested.has("tsize")) accepted.set("tsize", String(size));
  return {
    blockSize,
    windowSize,
    timeout: fits ? seconds(wanted) : DEFAULT_TIMEOUT,
    accepted: accepted.size > 0 ? accepted : null,
  };
}

const wholeNumber = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
