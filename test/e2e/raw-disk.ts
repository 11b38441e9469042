import { open } from "node:fs/promises";

const CHUNK = 4 * 2 ** 20;

/** Whether every byte of a file is zero. */
export async function isBlank(path: string): Promise<boolean> {
  await using file = await open(path, "r");
  const zero = Buffer.alloc(CHUNK);
  const buffer = Buffer.alloc(CHUNK);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, CHUNK, position);
    if (bytesRead === 0) return true;
    if (!buffer.subarray(0, bytesRead).equals(zero.subarray(0, bytesRead))) return false;
    position += bytesRead;
  }
}
