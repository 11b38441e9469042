import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { type Ipv4, toNumber } from "#base/ipv4.ts";
import {
  AF_INET,
  deviceName,
  int,
  openLibc,
  SO_BINDTODEVICE,
  SO_BROADCAST,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
} from "./libc.ts";

export interface UdpOptions {
  readonly address: Ipv4;
  /** 0: any free one. */
  readonly port: number;
  /**
   * The interface that it receives from and sends to. Node cannot tell which interface a datagram
   * came from (no IP_PKTINFO), hence one socket for each. Needs CAP_NET_RAW.
   */
  readonly device?: string;
  readonly broadcast: boolean;
  readonly reuse: boolean;
}

/** A bound socket. When `signal` fires, it closes. Rejects with the system's error. */
export async function openUdp(options: UdpOptions, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const { address, port, device, broadcast, reuse } = options;
  const socket = createSocket({ type: "udp4", reuseAddr: reuse, signal });
  const bound = once(socket, "listening", { signal });
  try {
    if (device === undefined) socket.bind({ address, port, exclusive: true });
    else socket.bind({ fd: await bindToDevice({ ...options, device }) });
    await bound;
  } catch (error) {
    bound.catch(() => {});
    if (!signal.aborted) socket.close();
    throw error;
  }
  if (broadcast) socket.setBroadcast(true);
  return socket;
}

async function bindToDevice(options: UdpOptions & { readonly device: string }): Promise<number> {
  const libc = await openLibc();
  const fd = libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  try {
    if (options.reuse) libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, int(1));
    if (options.broadcast) libc.setsockopt(fd, SOL_SOCKET, SO_BROADCAST, int(1));
    libc.setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, deviceName(options.device));
    libc.bind(fd, sockaddrIn(options.address, options.port));
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** struct sockaddr_in of Linux: family in host order, port and address in network order. */
function sockaddrIn(address: Ipv4, port: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new Uint16Array(bytes.buffer, 0, 1)[0] = AF_INET;
  const view = new DataView(bytes.buffer);
  view.setUint16(2, port);
  view.setUint32(4, toNumber(address));
  return bytes;
}
