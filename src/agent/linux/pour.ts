/**
 * Bytes to a disk through programs: decompressed by one, written by `dd`, joined by a pipe that this
 * process takes no part in. Node's own zstd took five times as long under emulation (tried).
 */
import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import type { Stream, Writable } from "node:stream";
import type { PourOptions } from "#agent/hardware.ts";
import { TaskError } from "#agent/task-error.ts";

const UNPACK: Readonly<Record<PourOptions["compression"], readonly string[] | null>> = {
  none: null,
  gzip: ["gzip", "-dc"],
  zstd: ["zstd", "-dcq", "--long=31"],
  xz: ["xz", "-dcq"],
};

const BLOCK = 1_048_576;
const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };

/**
 * Writes all but the first `skip` bytes (whole MiB) of what comes out, each where it belongs.
 * @throws {@link TaskError}, or what the source throws
 */
export async function pour(
  path: string,
  source: AsyncIterable<Buffer>,
  { compression, skip, sparse }: PourOptions,
  signal: AbortSignal,
): Promise<void> {
  const command = UNPACK[compression];
  const first = command === null ? null : new Program(command, "pipe", signal);
  const dd = new Program(writer(path, skip, sparse), first?.child.stdout ?? "pipe", signal);
  first?.child.stdout?.destroy(); // dd has it now; its input ends when the first program does
  try {
    await feed((first ?? dd).child.stdin, source);
    const [unwritten, unread] = await Promise.all([dd.ended, first?.ended ?? null]);
    signal.throwIfAborted();
    if (unwritten !== null) throw diskFault(unwritten);
    if (unread !== null) throw new TaskError("ImageCorrupt", unread);
  } finally {
    first?.child.kill("SIGKILL");
    dd.child.kill("SIGKILL");
  }
}

const writer = (path: string, skip: number, sparse: boolean): readonly string[] => [
  "dd",
  `of=${path}`,
  `bs=${BLOCK}`,
  `skip=${skip / BLOCK}`,
  `seek=${skip / BLOCK}`,
  "iflag=fullblock",
  `conv=notrunc${sparse ? ",sparse" : ""}`,
  "status=none",
];

const diskFault = (message: string): TaskError =>
  message.includes("No space left")
    ? new TaskError("DiskTooSmall", "the image is larger than the disk")
    : new TaskError("DiskFailed", message);

class Program {
  readonly child: ChildProcess;
  /** What it said when it failed; `null` if it did not. */
  readonly ended: Promise<string | null>;

  constructor(
    [program = "", ...args]: readonly string[],
    input: "pipe" | Stream,
    signal: AbortSignal,
  ) {
    const stdio: StdioOptions = [input, "pipe", "pipe"];
    this.child = spawn(program, args, { stdio, signal, killSignal: "SIGKILL", env: ENVIRONMENT });
    let said = "";
    this.child.stderr?.on("data", (text) => {
      said = `${said}${text}`.slice(-200);
    });
    this.ended = new Promise((resolve) => {
      this.child.once("error", (error) => resolve(`${program}: ${error.message}`));
      this.child.once("exit", (code, killed) => {
        setImmediate(() =>
          resolve(code === 0 ? null : said.trim() || `${program}: ${killed ?? code}`),
        );
      });
    });
  }
}

/** Until the source ends, or nobody reads any more: then the programs say why. */
async function feed(input: Writable | null, source: AsyncIterable<Buffer>): Promise<void> {
  if (input === null) return;
  input.on("error", () => {});
  for await (const chunk of source) {
    if (!input.writable) return;
    if (!input.write(chunk)) await drained(input);
  }
  input.end();
}

const drained = (input: Writable): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      input.off("drain", done);
      input.off("close", done);
      resolve();
    };
    input.on("drain", done);
    input.on("close", done);
    if (input.destroyed) done();
  });
