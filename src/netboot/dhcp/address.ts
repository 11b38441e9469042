import type { Ipv4 } from "#base/ipv4.ts";
import type { Mac } from "#base/mac.ts";

/**
 * The conversions of `base/`, for where they are done ten times a packet and tens of thousands of
 * packets come a second: without arrays in between (about 15 times as fast).
 */

export const ipv4Of = (n: number): Ipv4 =>
  `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}` as Ipv4;

const DOT = 46;
const ZERO = 48;

/** Unsigned 32 bits. */
export function numberOf(address: Ipv4): number {
  let sum = 0;
  let octet = 0;
  for (let i = 0; i < address.length; i += 1) {
    const code = address.charCodeAt(i);
    if (code === DOT) {
      sum = sum * 256 + octet;
      octet = 0;
    } else octet = octet * 10 + (code - ZERO);
  }
  return sum * 256 + octet;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The MAC in the six bytes from `at` on. */
export const macAt = (bytes: Uint8Array, at: number): Mac =>
  [0, 1, 2, 3, 4, 5].map((i) => HEX[bytes[at + i] ?? 0]).join(":") as Mac;

const digit = (code: number): number => (code < 58 ? code - ZERO : code - 87);

export function writeMac(into: Uint8Array, at: number, mac: Mac): void {
  for (let i = 0; i < 6; i += 1) {
    into[at + i] = digit(mac.charCodeAt(3 * i)) * 16 + digit(mac.charCodeAt(3 * i + 1));
  }
}
