import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { BlockDevice } from "#agent/hardware.ts";
import type { Advance } from "#agent/progress.ts";
import type { RetryDeps } from "#agent/retry.ts";
import { TaskError } from "#agent/task-error.ts";
import type { Artifact } from "#api/os-image.ts";
import { decompressor } from "./decompress.ts";
import { download } from "./download.ts";
import { Head } from "./head.ts";
import { clearSignatures } from "./signatures.ts";
import { SparseWriter } from "./sparse-writer.ts";

/** An artifact, and where it is to be had. */
export interface ImageSource {
  readonly url: URL;
  readonly artifact: Pick<Artifact, "format" | "compression" | "digest">;
}

/** Boot code and partition table: written last, so that a part of an image does not boot. */
const HEAD = 1_048_576;

/**
 * Streams an image to a disk: hashed as it comes in, decompressed, written without its zeros where
 * that is safe. The disk does not boot before the digest was found right. @throws {@link TaskError}
 */
export async function writeImage(
  { url, artifact }: ImageSource,
  device: BlockDevice,
  advance: Advance,
  deps: RetryDeps,
  signal: AbortSignal,
): Promise<void> {
  const { format, compression, digest } = artifact;
  if (format !== "raw") {
    throw new TaskError("ImageUnsupported", `format ${format} cannot be written to a disk`);
  }
  const [algorithm = "", wanted = ""] = digest.split(":");
  const hash = createHash(algorithm);
  const head = new Head(compression, HEAD);
  const source = download(url, deps, signal, (bytes, size) => {
    if (size !== null) advance((bytes / size) * 99);
  });
  await clearSignatures(device, signal);
  const seen = tapped(source, (chunk) => {
    hash.update(chunk);
    head.see(chunk);
  });
  await put(device, seen, compression, signal);

  const found = hash.digest("hex");
  if (found !== wanted.toLowerCase()) {
    throw new TaskError("DigestMismatch", `the image's digest is ${algorithm}:${found}`);
  }
  await device.settle(signal);
  await device.write(0, padded(await head.bytes(), device), signal);
  await device.settle(signal);
}

async function* tapped(source: AsyncIterable<Buffer>, see: (chunk: Buffer) => void) {
  for await (const chunk of source) {
    see(chunk);
    yield chunk;
  }
}

/** All but the head. */
async function put(
  device: BlockDevice,
  source: AsyncIterable<Buffer>,
  compression: Artifact["compression"],
  signal: AbortSignal,
): Promise<void> {
  if (device.pour === undefined) {
    const writer = new SparseWriter(device, HEAD);
    await piecewise(source, compression, writer, signal);
    return;
  }
  const sparse = device.zeroesFast;
  if (sparse) await device.zero(0, wholeSectors(device), "Unmap", signal);
  await device.pour(source, { compression, skip: HEAD, sparse }, signal);
}

const wholeSectors = ({ sizeBytes, sectorSize }: BlockDevice): number =>
  sizeBytes - (sizeBytes % sectorSize);

/** With zeros up to a whole sector. */
function padded(bytes: Buffer, { sectorSize }: BlockDevice): Buffer {
  const over = bytes.length % sectorSize;
  return over === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(sectorSize - over)]);
}

async function piecewise(
  source: AsyncIterable<Buffer>,
  compression: Artifact["compression"],
  writer: SparseWriter,
  signal: AbortSignal,
): Promise<void> {
  const write = async (plain: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of plain) await writer.push(chunk, signal);
    await writer.finish(signal);
  };
  const unpack = decompressor(compression);
  try {
    if (unpack === null) await write(source);
    else await pipeline(Readable.from(source), unpack, write, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof TaskError ? error : translated(error);
  }
}

/** What the disk or the decompressor says. */
function translated(cause: unknown): TaskError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const syscall = cause instanceof Error && "syscall" in cause;
  return new TaskError(syscall ? "DiskFailed" : "ImageCorrupt", message, { cause });
}
