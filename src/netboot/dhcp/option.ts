import type { Ipv4 } from "#base/ipv4.ts";
import { ipv4Of, numberOf } from "./address.ts";

/**
 * Values of DHCPv4 options (RFC 2132 and later), between bytes and TypeScript.
 *
 * A codec is a pair of pure functions and knows nothing of option numbers, packets or sockets:
 * `options.ts` says which code uses which codec.
 */
export interface OptionCodec<T> {
  /** @throws {@link MalformedOption} if `bytes` is not a legal value */
  decode(bytes: Uint8Array): T;
  encode(value: T): Uint8Array;
}

export class MalformedOption extends Error {
  override readonly name = "MalformedOption";
}

function expectLength(bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) {
    throw new MalformedOption(`expected ${length} bytes, got ${bytes.length}`);
  }
}

function expectMultiple(bytes: Uint8Array, of: number): void {
  if (bytes.length === 0 || bytes.length % of !== 0) {
    throw new MalformedOption(`expected a positive multiple of ${of}, got ${bytes.length} bytes`);
  }
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export const uint8: OptionCodec<number> = {
  decode(bytes) {
    expectLength(bytes, 1);
    return viewOf(bytes).getUint8(0);
  },
  encode: (value) => Uint8Array.of(value),
};

export const uint16: OptionCodec<number> = {
  decode(bytes) {
    expectLength(bytes, 2);
    return viewOf(bytes).getUint16(0);
  },
  encode: (value) => Uint8Array.of(value >> 8, value),
};

/** One unsigned 32-bit number, e.g. of seconds: RFC 2132 section 9.2 (option 51, lease time). */
export const uint32: OptionCodec<number> = {
  decode(bytes) {
    expectLength(bytes, 4);
    return viewOf(bytes).getUint32(0);
  },
  encode(value) {
    const bytes = new Uint8Array(4); // faster than Uint8Array.of
    bytes[0] = value >>> 24;
    bytes[1] = value >>> 16;
    bytes[2] = value >>> 8;
    bytes[3] = value;
    return bytes;
  },
};

/** Unsigned 16-bit numbers in network order, at least one: RFC 4578 section 2.1 (option 93). */
export const uint16List: OptionCodec<readonly number[]> = {
  decode(bytes) {
    expectMultiple(bytes, 2);
    const view = viewOf(bytes);
    return Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(2 * i));
  },
  encode: (values) => Uint8Array.from(values.flatMap((value) => [value >> 8, value])),
};

export const ipv4: OptionCodec<Ipv4> = {
  decode: (bytes) => ipv4Of(uint32.decode(bytes)),
  encode: (address) => uint32.encode(numberOf(address)),
};

export const ipv4List: OptionCodec<readonly Ipv4[]> = {
  decode(bytes) {
    expectMultiple(bytes, 4);
    const view = viewOf(bytes);
    return Array.from({ length: bytes.length / 4 }, (_, i) => ipv4Of(view.getUint32(4 * i)));
  },
  encode(list) {
    const bytes = new Uint8Array(4 * list.length);
    for (const [i, address] of list.entries()) bytes.set(ipv4.encode(address), 4 * i);
    return bytes;
  },
};

/** Bytes of which we know no more, or that we send back as they came. */
export const opaque: OptionCodec<Uint8Array> = {
  decode: (bytes) => bytes,
  encode: (bytes) => bytes,
};

/** Latin-1, so that any byte survives. Zeros at the end are cut off (RFC 2132 section 2). */
export const text: OptionCodec<string> = {
  decode(bytes) {
    if (bytes.length === 0) throw new MalformedOption("expected at least one byte");
    let end = bytes.length;
    while (end > 0 && bytes[end - 1] === 0) end -= 1;
    return Buffer.from(bytes.buffer, bytes.byteOffset, end).toString("latin1");
  },
  encode: (value) => Buffer.from(value, "latin1"),
};

/** RFC 3004: length and bytes, repeated. iPXE sends its name without a length: one class then. */
export const userClasses: OptionCodec<readonly string[]> = {
  decode(bytes) {
    const classes: string[] = [];
    let at = 0;
    while (at < bytes.length) {
      const length = bytes[at] ?? 0;
      if (length === 0 || at + 1 + length > bytes.length) return [text.decode(bytes)];
      classes.push(text.decode(bytes.subarray(at + 1, at + 1 + length)));
      at += 1 + length;
    }
    return classes;
  },
  encode: (classes) =>
    Uint8Array.from(classes.flatMap((name) => [name.length, ...text.encode(name)])),
};

const MESSAGE_TYPES = [
  "Discover",
  "Offer",
  "Request",
  "Decline",
  "Ack",
  "Nak",
  "Release",
  "Inform",
] as const;

export type MessageType = (typeof MESSAGE_TYPES)[number];

/** RFC 2132 section 9.6 (option 53). */
export const messageType: OptionCodec<MessageType> = {
  decode(bytes) {
    const type = MESSAGE_TYPES[uint8.decode(bytes) - 1];
    if (type === undefined) throw new MalformedOption(`message type ${bytes[0]}`);
    return type;
  },
  encode: (type) => Uint8Array.of(MESSAGE_TYPES.indexOf(type) + 1),
};
