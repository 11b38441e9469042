import { type Duration, seconds } from "#base/duration.ts";
import type { KubeObject } from "#base/object.ts";
import { ApiError, noAnswer, type WatchEvent } from "./client.ts";

/** `metav1.Status`, as far as we read it. Everything about it is optional when a proxy answers. */
interface StatusBody {
  readonly code?: unknown;
  readonly reason?: unknown;
  readonly message?: unknown;
  readonly details?: { readonly retryAfterSeconds?: unknown } | null;
}

/** The error that an answer with a code of 400 and up stands for. */
export function errorOf(what: string, code: number, body: string, retryAfter: unknown): ApiError {
  return statusError(what, code, parseStatus(body), parseRetryAfter(retryAfter));
}

/** One line of a watch. An ERROR event is thrown. */
export function watchEventOf<T extends KubeObject>(what: string, line: string): WatchEvent<T> {
  const { type, object } = parseLine<T>(what, line);
  switch (type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
      return { type, object };
    case "BOOKMARK":
      return { type, resourceVersion: object.metadata.resourceVersion };
    case "ERROR": {
      const status = object as StatusBody;
      const code = typeof status.code === "number" ? status.code : 500;
      throw statusError(what, code, status, null);
    }
    default:
      throw noAnswer(`${what}: an event of the unknown type ${JSON.stringify(type)}`);
  }
}

function parseLine<T>(what: string, line: string): { readonly type: unknown; readonly object: T } {
  try {
    return JSON.parse(line) as { type: unknown; object: T }; // the border: see KubeClient
  } catch (cause) {
    throw noAnswer(`${what}: cut off in the middle of an event`, cause);
  }
}

function statusError(
  what: string,
  code: number,
  { reason, message, details }: StatusBody,
  retryAfter: Duration | null,
): ApiError {
  const inBody = details?.retryAfterSeconds;
  return new ApiError({
    code,
    reason: typeof reason === "string" && reason !== "" ? reason : `HTTP ${code}`,
    message: `${what}: ${typeof message === "string" ? message : `HTTP ${code}`}`,
    retryAfter: retryAfter ?? (typeof inBody === "number" && inBody > 0 ? seconds(inBody) : null),
  });
}

function parseStatus(body: string): StatusBody {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? parsed : {};
  } catch {
    return { message: body.slice(0, 200).trim() || undefined };
  }
}

/** Seconds; a date (RFC 9110 section 10.2.3) is not used by API servers and counts as absent. */
function parseRetryAfter(header: unknown): Duration | null {
  return typeof header === "string" && /^\d{1,5}$/.test(header) ? seconds(Number(header)) : null;
}
