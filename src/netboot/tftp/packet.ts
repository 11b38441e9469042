/** Option names in lower case, values as they came: RFC 2347. */
export type TftpOptions = ReadonlyMap<string, string>;

/** RFC 1350 section 5, RFC 2347. Block numbers are those on the wire: 16 bits. */
export type TftpPacket =
  | {
      readonly kind: "Read" | "Write";
      readonly name: string;
      /** Lower case. */
      readonly mode: string;
      readonly options: TftpOptions;
    }
  | { readonly kind: "Data"; readonly block: number; readonly bytes: Uint8Array }
  | { readonly kind: "Ack"; readonly block: number }
  | { readonly kind: "Error"; readonly code: number; readonly message: string }
  | { readonly kind: "OptionAck"; readonly options: TftpOptions };

export class MalformedPacket extends Error {
  override readonly name = "MalformedPacket";
}

/** Error codes of RFC 1350 and (8) RFC 2347. */
export const ERROR = {
  Undefined: 0,
  NotFound: 1,
  AccessViolation: 2,
  IllegalOperation: 4,
  UnknownTransfer: 5,
  OptionsRefused: 8,
} as const;

const KINDS = ["Read", "Write", "Data", "Ack", "Error", "OptionAck"] as const;

/** @throws {@link MalformedPacket} */
export function decodePacket(bytes: Uint8Array): TftpPacket {
  if (bytes.length < 4) throw new MalformedPacket(`only ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = KINDS[view.getUint16(0) - 1];
  const body = bytes.subarray(2);
  switch (kind) {
    case "Read":
    case "Write":
      return request(kind, strings(body));
    case "Data":
      return { kind, block: view.getUint16(2), bytes: bytes.subarray(4) };
    case "Ack":
      return { kind, block: view.getUint16(2) };
    case "Error":
      return {
        kind,
        code: view.getUint16(2),
        message: latin1(bytes.subarray(4)).split("\0")[0] ?? "",
      };
    case "OptionAck":
      return { kind, options: pairs(strings(body)) };
    default:
      throw new MalformedPacket(`opcode ${view.getUint16(0)}`);
  }
}

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");

/** Each ends in a zero. Some firmware pads the packet with more of them. */
function strings(body: Uint8Array): string[] {
  if (body.at(-1) !== 0) throw new MalformedPacket("a string without its end");
  return latin1(body).slice(0, -1).split("\0");
}

function request(kind: "Read" | "Write", [name, mode, ...rest]: string[]): TftpPacket {
  if (name === undefined || name === "" || mode === undefined || mode === "") {
    throw new MalformedPacket("a request without name or mode");
  }
  return { kind, name, mode: mode.toLowerCase(), options: pairs(rest) };
}

function pairs(words: readonly string[]): TftpOptions {
  const options = new Map<string, string>();
  for (let i = 0; i < words.length && words[i] !== ""; i += 2) {
    const [name, value] = [words[i], words[i + 1]];
    if (name === undefined || value === undefined) throw new MalformedPacket("half an option");
    options.set(name.toLowerCase(), value);
  }
  return options;
}

export function encodePacket(packet: TftpPacket): Uint8Array {
  const opcode = KINDS.indexOf(packet.kind) + 1;
  switch (packet.kind) {
    case "Read":
    case "Write":
      return joined(opcode, [packet.name, packet.mode, ...[...packet.options].flat()]);
    case "OptionAck":
      return joined(opcode, [...packet.options].flat());
    case "Ack":
      return Uint8Array.of(0, opcode, packet.block >> 8, packet.block);
    case "Data":
      return Buffer.concat([dataHeader(packet.block), packet.bytes]);
    case "Error":
      return Buffer.concat([
        Uint8Array.of(0, opcode, packet.code >> 8, packet.code),
        Buffer.from(`${packet.message}\0`, "latin1"),
      ]);
  }
}

/** The four bytes before a block's data. */
export const dataHeader = (block: number): Uint8Array => Uint8Array.of(0, 3, block >> 8, block);

const joined = (opcode: number, words: readonly string[]): Uint8Array =>
  Buffer.concat([Uint8Array.of(0, opcode), Buffer.from(`${words.join("\0")}\0`, "latin1")]);
