import { type FileHandle, mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { parseIpv4 } from "#base/ipv4.ts";
import { parseMac } from "#base/mac.ts";
import type { Lease } from "./leases.ts";

const HEADER = "steelyard leases 1";
/** Lines that nobody needs any more, before the file is written anew. */
const SPARE_LINES = 4_096;

export interface LeaseFile extends AsyncDisposable {
  /** Resolves when the lease is on the disk; many that come together share one fsync. */
  append(lease: Lease): Promise<void>;
}

export interface OpenedLeases {
  readonly file: LeaseFile;
  readonly leases: readonly Lease[];
  /** There was no file: leases may have been given that we do not know of. */
  readonly lost: boolean;
}

/**
 * Opens the log of leases, or begins one. A last line that was cut short by a crash is ignored:
 * its client never got its Ack.
 *
 * @param live what is kept when the log is written anew
 */
export async function openLeaseFile(
  path: string,
  live: () => Iterable<Lease>,
  signal: AbortSignal,
): Promise<OpenedLeases> {
  await mkdir(dirname(path), { recursive: true });
  const text = await readFile(path, { encoding: "utf8", signal }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  });
  const lines = text?.split("\n") ?? [];
  const lost = lines[0] !== HEADER;
  const leases = new Map<string, Lease>();
  for (const line of lost ? [] : lines.slice(1, -1)) {
    const lease = parseLine(line);
    if (lease !== null) leases.set(lease.address, lease);
  }
  const log = await LeaseLog.create(path, leases.values(), live);
  return { file: log, leases: [...leases.values()], lost };
}

function parseLine(line: string): Lease | null {
  const [address, mac, expires] = line.split(" ");
  const parsed = { address: parseIpv4(address ?? ""), mac: parseMac(mac ?? "") };
  const time = Number(expires);
  if (parsed.address === null || parsed.mac === null || !Number.isSafeInteger(time)) return null;
  return { address: parsed.address, mac: parsed.mac, expires: time };
}

const lineOf = ({ address, mac, expires }: Lease): string => `${address} ${mac} ${expires}\n`;

interface Waiting {
  readonly line: string;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

class LeaseLog implements LeaseFile {
  readonly #path: string;
  readonly #live: () => Iterable<Lease>;
  #handle: FileHandle;
  #lines: number;
  #waiting: Waiting[] = [];
  #flushing: Promise<void> | null = null;

  private constructor(
    path: string,
    live: () => Iterable<Lease>,
    written: { readonly handle: FileHandle; readonly lines: number },
  ) {
    this.#path = path;
    this.#live = live;
    this.#handle = written.handle;
    this.#lines = written.lines;
  }

  static async create(
    path: string,
    leases: Iterable<Lease>,
    live: () => Iterable<Lease>,
  ): Promise<LeaseLog> {
    return new LeaseLog(path, live, await writeAnew(path, leases));
  }

  append(lease: Lease): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ line: lineOf(lease), done, failed });
      this.#flushing ??= this.#flush();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#flushing !== null) await this.#flushing;
    await this.#handle.close();
  }

  /** Group commit: whoever comes during an fsync shares the next one. Never rejects. */
  async #flush(): Promise<void> {
    await null; // let all packets of this turn of the loop join
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write(batch);
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.#flushing = null;
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    await this.#handle.appendFile(batch.map(({ line }) => line).join(""));
    await this.#handle.datasync();
    this.#lines += batch.length;
    if (this.#lines < SPARE_LINES) return;
    const live = [...this.#live()];
    if (this.#lines < 2 * live.length + SPARE_LINES) return;
    const old = this.#handle;
    const { handle, lines } = await writeAnew(this.#path, live);
    this.#handle = handle;
    this.#lines = lines;
    await old.close();
  }
}

/** Replaces the file in one step, so that a crash leaves the old one or the new one. */
async function writeAnew(
  path: string,
  leases: Iterable<Lease>,
): Promise<{ handle: FileHandle; lines: number }> {
  const lines = Array.from(leases, lineOf);
  const handle = await open(`${path}.new`, "w", 0o600);
  try {
    await handle.appendFile(`${HEADER}\n${lines.join("")}`);
    await handle.sync();
    await rename(`${path}.new`, path);
    const folder = await open(dirname(path), "r");
    await folder.sync().finally(() => folder.close());
    return { handle, lines: lines.length };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
