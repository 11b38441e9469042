import { getSystemErrorName } from "node:util";

/** Socket calls of libc that Node does not offer. All of them are non-blocking. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array): void;
  bind(fd: number, address: Uint8Array): void;
  /** The length received and the sender's address; `null` if nothing is there. */
  recvfrom(fd: number, into: Uint8Array, address: Uint8Array): number | null;
  sendto(fd: number, bytes: Uint8Array, address: Uint8Array): void;
  close(fd: number): void;
}

// Values of Linux on x86-64 and arm64 (asm-generic); MIPS and SPARC have others.
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_BROADCAST = 6;
export const SO_BINDTODEVICE = 25;
const MSG_DONTWAIT = 0x40;
const EAGAIN = 11;

let loaded: Promise<Libc> | undefined;

/** Loads koffi on first use, so that who needs no device needs nothing native. */
export function openLibc(): Promise<Libc> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Libc> {
  const { default: koffi } = await import("koffi");
  const lib = koffi.load("libc.so.6");
  const socket = lib.func("int socket(int, int, int)");
  const setsockopt = lib.func("int setsockopt(int, int, int, const uint8_t *, uint32_t)");
  const bind = lib.func("int bind(int, const uint8_t *, uint32_t)");
  const recvfrom = lib.func(
    "long recvfrom(int, _Out_ uint8_t *, size_t, int, _Out_ uint8_t *, _Inout_ uint32_t *)",
  );
  const sendto = lib.func(
    "long sendto(int, const uint8_t *, size_t, int, const uint8_t *, uint32_t)",
  );
  const close = lib.func("int close(int)");

  const checked = (call: string, result: number): number => {
    if (result >= 0) return result;
    const code = getSystemErrorName(-koffi.errno());
    throw Object.assign(new Error(`${call}: ${code}`), { code });
  };

  return {
    socket: (domain, type, protocol) => checked("socket", socket(domain, type, protocol)),
    setsockopt: (fd, level, name, value) => {
      checked(`setsockopt ${level}/${name}`, setsockopt(fd, level, name, value, value.length));
    },
    bind: (fd, address) => {
      checked("bind", bind(fd, address, address.length));
    },
    recvfrom: (fd, into, address) => {
      const length = [address.length];
      const got = recvfrom(fd, into, into.length, MSG_DONTWAIT, address, length);
      if (got < 0 && koffi.errno() === EAGAIN) return null;
      return checked("recvfrom", got);
    },
    sendto: (fd, bytes, address) => {
      checked("sendto", sendto(fd, bytes, bytes.length, MSG_DONTWAIT, address, address.length));
    },
    close: (fd) => {
      close(fd);
    },
  };
}

/** An int as setsockopt takes it. */
export const int = (value: number): Uint8Array => new Uint8Array(new Int32Array([value]).buffer);

/** A device name as SO_BINDTODEVICE takes it (at most IFNAMSIZ − 1 = 15 characters). */
export function deviceName(device: string): Uint8Array {
  if (!/^[^\s/]{1,15}$/.test(device)) throw new Error(`no device name: ${device}`);
  return new TextEncoder().encode(`${device}\0`);
}
