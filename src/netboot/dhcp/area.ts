import { MalformedOption, type OptionCodec } from "./option.ts";
import { OPTIONS, type Options } from "./options.ts";

/** An option as bytes. */
export interface RawOption {
  readonly code: number;
  readonly bytes: Uint8Array;
}

const PAD = 0;
const END = 255;

interface Row {
  readonly name: string;
  readonly code: number;
  readonly codec: OptionCodec<unknown>;
}

const ROWS: readonly Row[] = Object.entries(OPTIONS).map(([name, row]) => ({
  name,
  ...(row as Omit<Row, "name">),
}));
const BY_CODE: readonly (Row | undefined)[] = Array.from({ length: 256 }, (_, code) =>
  ROWS.find((row) => row.code === code),
);

/**
 * Adds what `bytes` holds to `found`; what comes in parts is joined (RFC 3396).
 * @throws {@link MalformedOption} if an option leaves its area
 */
export function readArea(bytes: Uint8Array, found: Map<number, Uint8Array>): void {
  let at = 0;
  while (at < bytes.length) {
    const code = bytes[at] ?? END;
    if (code === END) return;
    at += 1;
    if (code === PAD) continue;
    const length = bytes[at];
    if (length === undefined || at + 1 + length > bytes.length) {
      throw new MalformedOption(`option ${code} passes the end of its area`);
    }
    const value = bytes.subarray(at + 1, at + 1 + length);
    const before = found.get(code);
    found.set(code, before === undefined ? value : Buffer.concat([before, value]));
    at += 1 + length;
  }
}

/** By name; what the table does not name is left out. @throws {@link MalformedOption} */
export function decodeOptions(found: ReadonlyMap<number, Uint8Array>): Options {
  const options: Record<string, unknown> = {};
  for (const [code, bytes] of found) {
    const row = BY_CODE[code];
    if (row === undefined) continue;
    try {
      options[row.name] = row.codec.decode(bytes);
    } catch (error) {
      if (!(error instanceof MalformedOption)) throw error;
      throw new MalformedOption(`option ${code}: ${error.message}`, { cause: error });
    }
  }
  return options;
}

/** In the order of the table. */
export function encodeOptions(options: Options): RawOption[] {
  const values: Readonly<Record<string, unknown>> = options;
  const raw: RawOption[] = [];
  for (const { name, code, codec } of ROWS) {
    const value = values[name];
    if (value !== undefined) raw.push({ code, bytes: codec.encode(value) });
  }
  return raw;
}

/** How much room an option takes: two bytes a part, of at most 255 (RFC 3396 section 5). */
export const sizeOf = ({ bytes }: RawOption): number =>
  bytes.length + 2 * Math.max(1, Math.ceil(bytes.length / 255));

/** Writes the option at `at`, in parts if it is long; returns the place behind it. */
export function writeOption(into: Uint8Array, at: number, { code, bytes }: RawOption): number {
  let place = at;
  let from = 0;
  do {
    const end = Math.min(from + 255, bytes.length);
    into[place] = code;
    into[place + 1] = end - from;
    place += 2;
    // By hand: options have a few bytes, and `set` of a `subarray` costs more than all of them.
    for (; from < end; from += 1) {
      into[place] = bytes[from] ?? 0;
      place += 1;
    }
  } while (from < bytes.length);
  return place;
}
