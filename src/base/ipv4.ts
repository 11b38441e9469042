/** An IPv4 address in dotted form, e.g. "10.0.0.7". */
export type Ipv4 = string & { readonly unit: "ipv4" };

const OCTET = /^(?:0|[1-9]\d{0,2})$/;

/** Reads the dotted form of four decimal numbers; `null` if it is none. */
export function parseIpv4(text: string): Ipv4 | null {
  const parts = text.split(".");
  const fine = parts.length === 4 && parts.every((part) => OCTET.test(part) && Number(part) < 256);
  return fine ? (text as Ipv4) : null;
}

/** As an unsigned 32-bit number, for arithmetic and ranges. */
export const toNumber = (address: Ipv4): number =>
  address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);

export const fromNumber = (n: number): Ipv4 =>
  [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join(".") as Ipv4;

/** A network in CIDR notation (RFC 4632 section 3.1). */
export interface Cidr {
  /** The network's first address. */
  readonly base: Ipv4;
  readonly bits: number;
}

/** `null` if it is no CIDR. Host bits are cut off: 10.0.0.7/24 is 10.0.0.0/24. */
export function parseCidr(text: string): Cidr | null {
  const [left = "", right = ""] = text.split("/");
  const address = parseIpv4(left);
  if (address === null || !/^\d{1,2}$/.test(right) || Number(right) > 32) return null;
  const bits = Number(right);
  const size = 2 ** (32 - bits);
  return { base: fromNumber(Math.floor(toNumber(address) / size) * size), bits };
}

export const contains = ({ base, bits }: Cidr, address: Ipv4): boolean => {
  const offset = toNumber(address) - toNumber(base);
  return offset >= 0 && offset < 2 ** (32 - bits);
};

/** The network's mask: RFC 950; 24 bits are 255.255.255.0. */
export const maskOf = ({ bits }: Cidr): Ipv4 => fromNumber(2 ** 32 - 2 ** (32 - bits));

export const broadcastOf = ({ base, bits }: Cidr): Ipv4 =>
  fromNumber(toNumber(base) + 2 ** (32 - bits) - 1);
