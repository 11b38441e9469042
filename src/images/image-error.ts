/** Why an artifact could not be had. */
export type ImageFailure =
  | "NotFound"
  | "Refused"
  | "Stalled"
  | "TooSlow"
  | "Unreachable"
  | "DigestMismatch"
  | "BadDigest"
  | "BadUrl";

export class ImageError extends Error {
  override readonly name = "ImageError";
  readonly reason: ImageFailure;

  constructor(reason: ImageFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }

  /** Whether the same request may well succeed in a moment. */
  get isPassing(): boolean {
    return ["Stalled", "TooSlow", "Unreachable"].includes(this.reason);
  }
}

/** A URL as people may see it: its user name, password and query may be secrets. */
export function shown(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? "(no URL)" : `${parsed.origin}${parsed.pathname}`;
}
