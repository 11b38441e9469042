import type { Ipv4 } from "#base/ipv4.ts";
import type { Mac } from "#base/mac.ts";
import { ipv4Of, macAt, numberOf, writeMac } from "./address.ts";
import {
  decodeOptions,
  encodeOptions,
  type RawOption,
  readArea,
  sizeOf,
  writeOption,
} from "./area.ts";
import { MalformedOption, text, uint8 } from "./option.ts";
import { OPTIONS, type Options } from "./options.ts";

/** A DHCPv4 message of an Ethernet client: RFC 2131 section 2. */
export interface Packet {
  readonly op: "Request" | "Reply";
  readonly hops: number;
  readonly xid: number;
  readonly secs: number;
  /** The BROADCAST flag: section 4.1. */
  readonly broadcast: boolean;
  readonly ciaddr: Ipv4;
  readonly yiaddr: Ipv4;
  readonly siaddr: Ipv4;
  readonly giaddr: Ipv4;
  readonly mac: Mac;
  /** Empty if absent, or if the field holds options. */
  readonly sname: string;
  readonly file: string;
  readonly options: Options;
}

export class MalformedPacket extends Error {
  override readonly name = "MalformedPacket";
}

export const NO_ADDRESS = ipv4Of(0);

const COOKIE = 0x63825363;
const HEADER = 240;
const SNAME = 44;
const FILE = 108;
const COOKIE_AT = 236;
/** RFC 1542 section 2.1: BOOTP relays and clients may refuse less. */
const MIN_SIZE = 300;
/** IP and UDP headers, which option 57 counts in. */
const BELOW_US = 28;
const MIN_MAX_SIZE = 576; // RFC 2131 section 2: each client takes that much
const MAX_MAX_SIZE = 1_500; // OVMF claims 65,280, but a frame does not hold it
const OVERLOAD = 52;
const END = 255;
const RELAY_AGENT = OPTIONS.relayAgent.code;

/** @throws {@link MalformedPacket} */
export function decodePacket(bytes: Uint8Array): Packet {
  if (bytes.length < HEADER) throw new MalformedPacket(`only ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const op = view.getUint8(0);
  if (op !== 1 && op !== 2) throw new MalformedPacket(`op ${op}`);
  if (view.getUint16(1) !== 0x0106) {
    throw new MalformedPacket(`hardware type ${bytes[1]} with ${bytes[2]} bytes`);
  }
  if (view.getUint32(COOKIE_AT) !== COOKIE) throw new MalformedPacket("no magic cookie");
  const address = (at: number): Ipv4 => {
    const n = view.getUint32(at);
    return n === 0 ? NO_ADDRESS : ipv4Of(n);
  };
  const { overload, options } = readOptions(bytes);
  return {
    op: op === 1 ? "Request" : "Reply",
    hops: view.getUint8(3),
    xid: view.getUint32(4),
    secs: view.getUint16(8),
    broadcast: view.getUint16(10) >= 0x8000,
    ciaddr: address(12),
    yiaddr: address(16),
    siaddr: address(20),
    giaddr: address(24),
    mac: macAt(bytes, 28),
    sname: (overload & 2) === 0 ? fieldText(bytes.subarray(SNAME, FILE)) : "",
    file: (overload & 1) === 0 ? fieldText(bytes.subarray(FILE, COOKIE_AT)) : "",
    options,
  };
}

/** The three areas in the order of RFC 3396 section 5: options, file, sname. */
function readOptions(bytes: Uint8Array): { overload: number; options: Options } {
  try {
    const found = new Map<number, Uint8Array>();
    readArea(bytes.subarray(HEADER), found);
    const raw = found.get(OVERLOAD);
    const overload = raw === undefined ? 0 : uint8.decode(raw);
    if ((overload & 1) !== 0) readArea(bytes.subarray(FILE, COOKIE_AT), found);
    if ((overload & 2) !== 0) readArea(bytes.subarray(SNAME, FILE), found);
    return { overload, options: decodeOptions(found) };
  } catch (error) {
    if (!(error instanceof MalformedOption)) throw error;
    throw new MalformedPacket(error.message, { cause: error });
  }
}

function fieldText(field: Uint8Array): string {
  if (field[0] === 0) return "";
  const end = field.indexOf(0);
  return text.decode(end < 0 ? field : field.subarray(0, end));
}

/**
 * @param maxSize what the client takes, by its option 57; what does not fit goes to the unused
 * `file` and `sname` fields (option 52), and what fits nowhere is left out
 */
export function encodePacket(packet: Packet, maxSize = MIN_MAX_SIZE): Uint8Array {
  const limit = Math.min(Math.max(maxSize, MIN_MAX_SIZE), MAX_MAX_SIZE) - BELOW_US;
  const options = encodeOptions(packet.options);
  const size = options.reduce((sum, option) => sum + sizeOf(option), HEADER + 1);
  if (size > limit) return encodeOverloaded(packet, options, limit);
  const bytes = new Uint8Array(Math.max(MIN_SIZE, size));
  writeFields(bytes, packet);
  bytes[options.reduce((at, option) => writeOption(bytes, at, option), HEADER)] = END;
  return bytes;
}

function writeFields(bytes: Uint8Array, packet: Packet): void {
  const view = new DataView(bytes.buffer);
  view.setUint8(0, packet.op === "Request" ? 1 : 2);
  view.setUint16(1, 0x0106);
  view.setUint8(3, packet.hops);
  view.setUint32(4, packet.xid);
  view.setUint16(8, packet.secs);
  view.setUint16(10, packet.broadcast ? 0x8000 : 0);
  const { ciaddr, yiaddr, siaddr, giaddr } = packet;
  for (const [i, address] of [ciaddr, yiaddr, siaddr, giaddr].entries()) {
    if (address !== NO_ADDRESS) view.setUint32(12 + 4 * i, numberOf(address));
  }
  writeMac(bytes, 28, packet.mac);
  if (packet.sname !== "") bytes.set(text.encode(packet.sname).subarray(0, 63), SNAME);
  if (packet.file !== "") bytes.set(text.encode(packet.file).subarray(0, 127), FILE);
  view.setUint32(COOKIE_AT, COOKIE);
}

function encodeOverloaded(
  packet: Packet,
  options: readonly RawOption[],
  limit: number,
): Uint8Array {
  const bytes = new Uint8Array(limit);
  writeFields(bytes, packet);
  const relay = options.find(({ code }) => code === RELAY_AGENT);
  const room = limit - 1 - (relay === undefined ? 0 : sizeOf(relay));
  const others = options.filter((option) => option !== relay);
  let at = writeOverloaded(bytes, packet, others, room);
  if (relay !== undefined) at = writeOption(bytes, at, relay);
  bytes[at] = END;
  return bytes.subarray(0, Math.max(MIN_SIZE, at + 1));
}

/** First fit over the three areas (RFC 2132 section 9.3); returns the place behind the first. */
function writeOverloaded(
  bytes: Uint8Array,
  packet: Packet,
  options: readonly RawOption[],
  end: number,
): number {
  const main = { at: HEADER, end: end - 3, bit: 0 };
  const areas = [main];
  if (packet.file === "") areas.push({ at: FILE, end: COOKIE_AT - 1, bit: 1 });
  if (packet.sname === "") areas.push({ at: SNAME, end: FILE - 1, bit: 2 });
  let overload = 0;
  for (const option of options) {
    const area = areas.find((each) => each.at + sizeOf(option) <= each.end);
    if (area === undefined) continue;
    area.at = writeOption(bytes, area.at, option);
    overload |= area.bit;
  }
  for (const area of areas) if ((overload & area.bit) !== 0) bytes[area.at] = END;
  if (overload === 0) return main.at;
  return writeOption(bytes, main.at, { code: OVERLOAD, bytes: Uint8Array.of(overload) });
}
