import { open } from "node:fs/promises";
import type { ByteSource } from "./message.ts";

/** A file as it is now. Rejects with the system's error (ENOENT, …). */
export async function fileSource(path: string): Promise<ByteSource> {
  const handle = await open(path, "r");
  const { size } = await handle.stat();
  return {
    size,
    read: async (into, offset) => (await handle.read(into, 0, into.length, offset)).bytesRead,
    [Symbol.asyncDispose]: () => handle.close(),
  };
}
