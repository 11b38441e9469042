import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { diskImage } from "#sim/disk-image.ts";
import type { ImageFile } from "./manifests.ts";

/** A web server with tiny disk images, and with the ways in which one can fail. */
export interface ImageServer extends AsyncDisposable {
  /** An image that can be had. */
  add(name: string): ImageFile;
  /** How often each path was asked for. */
  readonly fetches: ReadonlyMap<string, number>;
  /** `http://127.0.0.1:port` */
  readonly origin: string;
}

/** Paths: `/<name>.raw`; `/stall/<name>.raw` sends half and then nothing; all else is a 404. */
export async function serveImages(): Promise<ImageServer> {
  const files = new Map<string, Buffer>();
  const fetches = new Map<string, number>();
  const server = createServer(({ url = "/" }, response) => {
    fetches.set(url, (fetches.get(url) ?? 0) + 1);
    const bytes = files.get(url.replace(/^\/stall\//, "/"));
    if (bytes === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader("content-length", bytes.length);
    if (url.startsWith("/stall/")) response.write(bytes.subarray(0, bytes.length / 2));
    else response.end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const origin = `http://127.0.0.1:${port}`;
  return {
    origin,
    fetches,
    add(name) {
      const bytes = diskImage(name);
      files.set(`/${name}.raw`, bytes);
      const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
      const url = `${origin}/${name}.raw`;
      return { name, url, digest, compression: "none", sizeBytes: bytes.length };
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
