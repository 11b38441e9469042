import { spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import type { Artifact } from "#api/os-image.ts";

type Compression = Artifact["compression"];

/** Large pieces: fewer turns of the event loop, and fewer writes to the disk. */
const PIECE = 1_048_576;

/** Windows up to 2 GiB, as `zstd --long=31` may have used. */
const LONGEST_WINDOW = 31;

const OPEN: Readonly<Record<Compression, (() => Duplex) | null>> = {
  none: null,
  gzip: () => createGunzip({ chunkSize: PIECE }),
  zstd: () =>
    createZstdDecompress({
      chunkSize: PIECE,
      params: { [constants.ZSTD_d_windowLogMax]: LONGEST_WINDOW },
    }),
  xz: () => filter("xz", ["-dc"]),
};

/** Compressed bytes in, plain bytes out; `null` where they are plain already. */
export const decompressor = (compression: Compression): Duplex | null =>
  OPEN[compression]?.() ?? null;

/** A program that reads its input and writes its output; it fails with what the program says. */
function filter(program: string, args: readonly string[]): Duplex {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  const both = Duplex.from({ writable: child.stdin, readable: child.stdout });
  let said = "";
  child.stderr.on("data", (text) => {
    said = `${said}${text}`.slice(-200);
  });
  child.once("error", (error) => both.destroy(error));
  child.once("close", (code) => {
    if (code !== 0) both.destroy(new Error(`${program}: ${said.trim() || `exit ${code}`}`));
  });
  both.once("close", () => child.kill("SIGKILL"));
  return both;
}
