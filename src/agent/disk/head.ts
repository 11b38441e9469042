import type { Duplex } from "node:stream";
import { TaskError } from "#agent/task-error.ts";
import type { Artifact } from "#api/os-image.ts";
import { decompressor } from "./decompress.ts";

/** The first bytes of an image, taken from the compressed stream as it goes by. */
export class Head {
  readonly #length: number;
  readonly #unpack: Duplex | null;
  readonly #parts: Buffer[] = [];
  readonly #full: Promise<void>;
  #filled: () => void = () => {};
  #failed: (error: Error) => void = () => {};
  #taken = 0;

  constructor(compression: Artifact["compression"], length: number) {
    this.#length = length;
    this.#full = new Promise((resolve, reject) => {
      this.#filled = resolve;
      this.#failed = reject;
    });
    this.#full.catch(() => {}); // nobody may ask: whoever reads the whole stream fails as well
    this.#unpack = decompressor(compression);
    this.#unpack?.on("data", (chunk) => this.#take(chunk));
    this.#unpack?.on("end", () => this.#filled());
    this.#unpack?.on("error", ({ message }) =>
      this.#failed(new TaskError("ImageCorrupt", message)),
    );
  }

  see(chunk: Buffer): void {
    if (this.#taken >= this.#length) return;
    if (this.#unpack === null) this.#take(chunk);
    else this.#unpack.write(chunk);
  }

  /** After the last chunk was seen. Shorter than asked for where the image is. Rejects if corrupt. */
  async bytes(): Promise<Buffer> {
    if (this.#unpack === null) this.#filled();
    else if (!this.#unpack.destroyed) this.#unpack.end();
    await this.#full;
    return Buffer.concat(this.#parts).subarray(0, this.#length);
  }

  #take(chunk: Buffer): void {
    this.#parts.push(chunk);
    this.#taken += chunk.length;
    if (this.#taken < this.#length) return;
    this.#filled();
    this.#unpack?.destroy();
  }
}
