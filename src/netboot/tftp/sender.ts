import type { Socket } from "node:dgram";
import type { Clock } from "#base/clock.ts";
import type { TftpFile } from "./file.ts";
import type { Terms } from "./negotiate.ts";
import { dataHeader, decodePacket, encodePacket, MalformedPacket } from "./packet.ts";
import { type Step, Transfer } from "./transfer.ts";

export type Outcome = "Sent" | "Aborted" | "TimedOut" | "ClientGone" | "ReadFailed";

/** Carries out one transfer on its own socket, which is connected to the client. */
export class Sender {
  readonly file: TftpFile;
  readonly ended: Promise<Outcome>;
  readonly #end: (outcome: Outcome) => void;
  readonly #socket: Socket;
  readonly #terms: Terms;
  readonly #clock: Clock;
  readonly #transfer: Transfer;
  #deadline = 0;
  #reading = false;
  /** What came up while a read was under way; the newest wins. */
  #next: Step | null = null;

  constructor(socket: Socket, file: TftpFile, terms: Terms, clock: Clock) {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.ended = promise;
    this.#end = resolve;
    this.file = file;
    this.#socket = socket;
    this.#terms = terms;
    this.#clock = clock;
    this.#transfer = new Transfer(file.size, terms);
    socket.on("message", (bytes) => this.#receive(bytes));
    socket.on("error", () => resolve("ClientGone")); // its port is closed (ICMP)
    socket.on("close", () => resolve("Aborted")); // the server stops
  }

  /** Whether the client has sent anything since its request. */
  get answered(): boolean {
    return this.#transfer.answered;
  }

  start(): void {
    this.#do(this.#transfer.start());
  }

  /** The same client begins something else. */
  abandon(): void {
    this.#end("Aborted");
  }

  /** Called now and then. */
  tick(): void {
    if (this.#clock.now() >= this.#deadline && !this.#reading) this.#do(this.#transfer.onTimeout());
  }

  #receive(bytes: Uint8Array): void {
    try {
      const packet = decodePacket(bytes);
      if (packet.kind === "Ack") this.#do(this.#transfer.onAck(packet.block));
      else if (packet.kind === "Error") this.#end("Aborted");
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error;
    }
  }

  #do(step: Step): void {
    switch (step.kind) {
      case "Wait":
        return;
      case "Done":
        this.#end("Sent");
        return;
      case "GiveUp":
        this.#end("TimedOut");
        return;
      case "SendOptionAck":
        this.#arm();
        this.#send([
          encodePacket({ kind: "OptionAck", options: this.#terms.accepted ?? new Map() }),
        ]);
        return;
      case "SendBlocks":
        this.#arm();
        this.#readAndSend(step);
    }
  }

  #arm(): void {
    this.#deadline = this.#clock.now() + this.#terms.timeout;
  }

  #readAndSend(step: Step & { readonly kind: "SendBlocks" }): void {
    if (this.#reading) {
      this.#next = step;
      return;
    }
    const { blockSize } = this.#terms;
    const { first, last } = step;
    const bytes = this.file.read((first - 1) * blockSize, (last - first + 1) * blockSize);
    if (bytes instanceof Uint8Array) {
      this.#sendBlocks(first, last, bytes);
      return;
    }
    this.#reading = true;
    bytes.then(
      (read) => {
        this.#reading = false;
        const next = this.#next;
        this.#next = null;
        if (next === null) this.#sendBlocks(first, last, read);
        else this.#do(next);
      },
      () => this.#end("ReadFailed"),
    );
  }

  #sendBlocks(first: number, last: number, bytes: Uint8Array): void {
    const { blockSize } = this.#terms;
    for (let block = first; block <= last; block += 1) {
      const at = (block - first) * blockSize;
      this.#send([dataHeader(block), bytes.subarray(at, at + blockSize)]);
    }
  }

  #send(parts: readonly Uint8Array[]): void {
    try {
      this.#socket.send(parts, () => {}); // what is lost is sent again
    } catch {
      this.#end("ClientGone"); // the socket is closed, or no longer connected
    }
  }
}
