import { createHash, type Hash } from "node:crypto";
import { ImageError } from "./image-error.ts";

/** `sha256:<hex>` or `sha512:<hex>`, as OSImage has it. */
export interface Digest {
  readonly algorithm: "sha256" | "sha512";
  readonly hex: string;
}

const DIGEST = /^(?:(sha256):([0-9a-f]{64})|(sha512):([0-9a-f]{128}))$/;

/** `null` if it is none: nothing else may become part of a file's name. */
export function parseDigest(text: string): Digest | null {
  const [, sha256, short = "", , long = ""] = DIGEST.exec(text) ?? [];
  if (sha256 !== undefined) return { algorithm: "sha256", hex: short };
  return long === "" ? null : { algorithm: "sha512", hex: long };
}

/** The file's name in the cache; the reverse is {@link digestOfFile}. */
export function fileOf(digest: string): string {
  const parsed = parseDigest(digest);
  if (parsed === null) throw new ImageError("BadDigest", "not a sha256 or sha512 digest");
  return `${parsed.algorithm}-${parsed.hex}`;
}

export function digestOfFile(name: string): string | null {
  const digest = name.replace("-", ":");
  return parseDigest(digest) === null ? null : digest;
}

export const hashFor = (digest: string): Hash =>
  createHash(parseDigest(digest)?.algorithm ?? "sha256");

/** Throws {@link ImageError} naming both digests unless `hash` came to `digest`. Ends the hash. */
export function verify(hash: Hash, digest: string, from: string): void {
  const [algorithm, expected] = digest.split(":");
  const found = hash.digest("hex");
  if (found === expected) return;
  throw new ImageError(
    "DigestMismatch",
    `${from} has the digest ${algorithm}:${found}, not ${digest}`,
  );
}
