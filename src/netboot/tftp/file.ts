import { open } from "node:fs/promises";

/** Something to send. Closed by the server when the transfer ends, however it ends. */
export interface TftpFile extends AsyncDisposable {
  readonly size: number;
  /** `length` bytes from `offset` on, fewer only at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array> | Uint8Array;
}

/** What is in memory: first stages are small and asked for by many at once. */
export const memoryFile = (bytes: Uint8Array): TftpFile => ({
  size: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
  [Symbol.asyncDispose]: () => Promise.resolve(),
});

/** Much more than a window: a block in ten or forty waits for the disk, the others are there. */
const READ_AHEAD = 128 * 1024;

/** A file on the disk. Rejects with the system's error. */
export async function diskFile(path: string): Promise<TftpFile> {
  const handle = await open(path, "r");
  const { size } = await handle.stat();
  let ahead: Uint8Array = new Uint8Array(0);
  let from = 0;
  const part = (offset: number, length: number): Uint8Array =>
    ahead.subarray(offset - from, offset - from + length);
  return {
    size,
    read: (offset, length) => {
      const end = Math.min(offset + length, size);
      if (offset >= from && end <= from + ahead.length) return part(offset, length);
      const buffer = Buffer.allocUnsafe(Math.max(length, READ_AHEAD));
      return handle.read(buffer, 0, buffer.length, offset).then(({ bytesRead }) => {
        ahead = buffer.subarray(0, bytesRead);
        from = offset;
        return part(offset, length);
      });
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/**
 * The name as a path below a folder; `null` if it leads out of it or cannot be one. Firmware
 * writes "/x", "\x" (Windows) and "//x" (GRUB) as well.
 */
export function safeName(name: string): string | null {
  const parts = name.split(/[/\\]+/).filter((part) => part !== "" && part !== ".");
  const fine = parts.length > 0 && parts.every((part) => /^[\w.+~@-]{1,255}$/.test(part));
  return fine && !parts.includes("..") ? parts.join("/") : null;
}
