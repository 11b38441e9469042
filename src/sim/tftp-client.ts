import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { decodePacket, ERROR, encodePacket, type TftpPacket } from "#netboot/tftp/packet.ts";

export interface TftpRead {
  readonly address: string;
  readonly port: number;
  readonly name: string;
  /** Given up after so many blocks: a simulated board has no use for the whole file. */
  readonly blocks: number;
}

const WAIT_MS = 2_000;
const TRIES = 4;

/**
 * Loads a first stage as OVMF does: asks for its size and gives up, then reads it. Answers whether
 * the file is there and its first blocks came.
 */
export async function loads(read: TftpRead, signal: AbortSignal): Promise<boolean> {
  const size = await transfer({ ...read, blocks: 0 }, { tsize: "0", blksize: "1468" }, signal);
  return size && transfer(read, { tsize: "0", blksize: "1468", windowsize: "4" }, signal);
}

async function transfer(
  read: TftpRead,
  options: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<boolean> {
  const socket = createSocket("udp4");
  try {
    const first = encodePacket({
      kind: "Read",
      name: read.name,
      mode: "octet",
      options: new Map(Object.entries(options)),
    });
    for (let tried = 0; tried < TRIES; tried++) {
      socket.send(first, read.port, read.address);
      const ended = await follow(socket, read, signal);
      if (ended !== null) return ended;
    }
    return false;
  } finally {
    socket.close();
  }
}

/** Until enough came, or an error; `null`: silence. */
async function follow(
  socket: Socket,
  { blocks }: TftpRead,
  signal: AbortSignal,
): Promise<boolean | null> {
  for (let got = 0; ; ) {
    const came = await next(socket, signal);
    if (came === null) return null;
    const { packet, from } = came;
    const send = (answer: TftpPacket): void =>
      socket.send(encodePacket(answer), from.port, from.address);
    if (packet.kind === "Error") return false;
    if (packet.kind === "Data") got = packet.block;
    if (packet.kind === "Data" && packet.bytes.length < SHORT) return true;
    if (got >= blocks) {
      send({ kind: "Error", code: ERROR.OptionsRefused, message: "User aborted the transfer" });
      return true;
    }
    send({ kind: "Ack", block: got });
  }
}

/** Less than the block size that is asked for: the last block. */
const SHORT = 512;

async function next(
  socket: Socket,
  signal: AbortSignal,
): Promise<{ readonly packet: TftpPacket; readonly from: RemoteInfo } | null> {
  const soon = AbortSignal.any([signal, AbortSignal.timeout(WAIT_MS)]);
  try {
    const [bytes, from] = (await once(socket, "message", { signal: soon })) as [Buffer, RemoteInfo];
    return { packet: decodePacket(bytes), from };
  } catch (error) {
    signal.throwIfAborted();
    if (soon.aborted) return null;
    throw error;
  }
}
