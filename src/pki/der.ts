/** The little of DER (ITU-T X.690) that a certificate needs; writing only. Reading is Node's. */

const tlv = (tag: number, ...content: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), length(body.length), body]);
};

/** X.690 section 8.1.3: short form below 128, else the count of octets first. */
function length(n: number): Buffer {
  if (n < 128) return Buffer.from([n]);
  const octets = minimal(BigInt(n));
  return Buffer.from([0x80 | octets.length, ...octets]);
}

function minimal(n: bigint): Buffer {
  const hex = n.toString(16);
  return Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
}

export const sequence = (...items: readonly Uint8Array[]): Buffer => tlv(0x30, ...items);
export const set = (...items: readonly Uint8Array[]): Buffer => tlv(0x31, ...items);
export const octets = (content: Uint8Array): Buffer => tlv(0x04, content);
export const utf8 = (text: string): Buffer => tlv(0x0c, Buffer.from(text));
export const truth = (): Buffer => tlv(0x01, Buffer.from([0xff]));

/** A number that is not negative: a leading zero keeps the sign bit clear (section 8.3). */
export function integer(n: bigint): Buffer {
  const bytes = minimal(n);
  return tlv(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.from([0, ...bytes]) : bytes);
}

/** `unused` bits at the end (section 8.6). */
export const bits = (content: Uint8Array, unused = 0): Buffer =>
  tlv(0x03, Buffer.from([unused]), content);

/** Context-specific: constructed ones hold other items, primitive ones bytes (section 8.14). */
export const explicit = (n: number, ...items: readonly Uint8Array[]): Buffer =>
  tlv(0xa0 | n, ...items);
export const implicit = (n: number, content: Uint8Array): Buffer => tlv(0x80 | n, content);

/** Dotted form, e.g. "2.5.29.17" (section 8.19). */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(n: number): number[] {
  const groups = [n % 128];
  for (let left = Math.floor(n / 128); left > 0; left = Math.floor(left / 128)) {
    groups.unshift((left % 128) | 0x80);
  }
  return groups;
}

/** RFC 5280 section 4.1.2.5: UTCTime up to 2049, GeneralizedTime after that. */
export function time(at: Date): Buffer {
  const digits = at.toISOString().replaceAll(/[-:T]|\.\d{3}/g, "");
  return at.getUTCFullYear() < 2050
    ? tlv(0x17, Buffer.from(digits.slice(2)))
    : tlv(0x18, Buffer.from(digits));
}

/** The items inside of a constructed item, each whole, with its tag. The input is trusted. */
export function children(item: Uint8Array): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = header(item); at < item.length; ) {
    const rest = item.subarray(at);
    const size = header(rest) + contentLength(rest);
    found.push(rest.subarray(0, size));
    at += size;
  }
  return found;
}

const header = (item: Uint8Array): number => {
  const first = item[1] ?? 0;
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
};

const contentLength = (item: Uint8Array): number => {
  const first = item[1] ?? 0;
  return first < 0x80 ? first : item.subarray(2, header(item)).reduce((sum, b) => sum * 256 + b, 0);
};
