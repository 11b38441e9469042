import { architectureOf, type BootRom } from "./arch.ts";
import type { Client } from "./context.ts";
import { NO_ADDRESS, type Packet } from "./packet.ts";

/** Who a packet comes from. */
export function clientOf(packet: Packet, device: string): Client {
  const { options } = packet;
  return {
    mac: packet.mac,
    uuid: options.clientUuid === undefined ? null : uuidOf(options.clientUuid),
    rom: romOf(packet),
    arch: options.clientArch === undefined ? null : architectureOf(options.clientArch),
    relay: packet.giaddr === NO_ADDRESS ? null : packet.giaddr,
    device,
  };
}

function romOf({ options }: Packet): BootRom | null {
  if (options.ipxe !== undefined || options.userClasses?.includes("iPXE") === true) return "iPXE";
  if (options.vendorClass?.startsWith("PXEClient") === true) return "PXE";
  if (options.vendorClass?.startsWith("HTTPClient") === true) return "HTTP";
  return null;
}

/**
 * Option 97 in the canonical spelling; `null` if it is none, or a placeholder (all 0 or all f).
 * Its first three fields are little-endian (SMBIOS 3.6 section 7.2.1), whatever RFC 4578 says.
 */
export function uuidOf(option: Uint8Array): string | null {
  if (option.length !== 17 || option[0] !== 0) return null;
  const bytes = option.subarray(1);
  if (bytes.every((byte) => byte === 0) || bytes.every((byte) => byte === 255)) return null;
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  const hex = order.map((i) => (bytes[i] ?? 0).toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
