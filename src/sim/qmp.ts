import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";

/** What ended the virtual machine, e.g. "guest-shutdown", "guest-reset", "host-qmp-system-reset". */
export type ShutdownReason = string;

/**
 * QEMU's machine protocol over a unix socket on which we listen and QEMU calls, so that nobody has
 * to guess when it is up. For one process; the next one gets a new one.
 */
export class Qmp implements AsyncDisposable {
  readonly path: string;
  /** Of the last SHUTDOWN event; `null`: there was none. */
  shutdownReason: ShutdownReason | null = null;
  readonly #server: Server;
  #socket: Socket | null = null;
  #rest = "";

  private constructor(path: string) {
    this.path = path;
    this.#server = createServer();
  }

  /** `path` is replaced if it is there. Linux allows 107 bytes. */
  static async listen(path: string): Promise<Qmp> {
    await rm(path, { force: true });
    const qmp = new Qmp(path);
    qmp.#server.listen(path);
    await once(qmp.#server, "listening");
    return qmp;
  }

  /** Resolves when QEMU has called; rejects when `signal` ends first. */
  async connected(signal: AbortSignal): Promise<void> {
    const [socket]: Socket[] = await once(this.#server, "connection", { signal });
    if (socket === undefined) return;
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => this.#read(text));
    socket.on("error", () => socket.destroy());
    this.send("qmp_capabilities");
  }

  /** Resolves when QEMU has hung up and all that it said was read. */
  async closed(): Promise<void> {
    if (this.#socket !== null && !this.#socket.closed) await once(this.#socket, "close");
  }

  /** Sends a command. Its answer is not waited for: what comes of it is told by events. */
  send(execute: "qmp_capabilities" | "system_reset" | "system_powerdown"): void {
    this.#socket?.write(`${JSON.stringify({ execute })}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket?.destroy();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#hear(line);
  }

  #hear(line: string): void {
    const { event, data } = JSON.parse(line) as { event?: string; data?: { reason?: string } };
    if (event === "SHUTDOWN") this.shutdownReason = data?.reason ?? "";
  }
}
