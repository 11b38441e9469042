import { isIPv6 } from "node:net";
import { parseIpv4 } from "#base/ipv4.ts";

/** An IP address as the bytes that a certificate holds: 4 or 16. Throws on anything else. */
export function addressBytes(ip: string): Buffer {
  if (parseIpv4(ip) !== null) return Buffer.from(ip.split(".").map(Number));
  if (!isIPv6(ip) || ip.includes(".")) throw new Error(`not an IP address: ${ip}`);
  const [left = [], right] = ip.split("::").map(groups);
  const tail = right ?? [];
  const zeros = Array<number>(Math.max(0, 8 - left.length - tail.length)).fill(0);
  return Buffer.from([...left, ...zeros, ...tail].flatMap((group) => [group >> 8, group & 0xff]));
}

const groups = (part: string): number[] =>
  part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
