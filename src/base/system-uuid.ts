/**
 * A system UUID (SMBIOS type 1) in its one spelling here: canonical form, lower case, as Redfish
 * and Linux (`/sys/class/dmi/id/product_uuid`) print it.
 */
export type SystemUuid = string & { readonly unit: "system-uuid" };

/** Left in by board makers, so that many boards share them. Placeholders name nobody. */
const PLACEHOLDERS: ReadonlySet<string> = new Set([
  "03000200-0400-0500-0006-000700080009", // AMI's sample code; on boards of many makers
  "00020003-0004-0005-0006-000700080009", // the same, byte order as some BMCs print it
  "01234567-8900-0000-0000-000000000000",
  "12345678-1234-5678-90ab-cddeefaabbcc", // Supermicro and others before they were programmed
  "12345678-1234-1234-1234-123456789012",
  "12345678-1234-5678-1234-567812345678",
  "fefefefe-fefe-fefe-fefe-fefefefefefe",
]);

const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ONE_BYTE = /^(..)\1{15}$/;

/** Reads what firmware and tools write; `null` if it is malformed or a placeholder. */
export function parseSystemUuid(text: string): SystemUuid | null {
  const digits = text
    .trim()
    .toLowerCase()
    .replace(/^urn:uuid:/, "")
    .replaceAll(/[-{}]/g, "");
  const uuid = hyphenated(digits);
  return CANONICAL.test(uuid) && !isPlaceholder(uuid) ? (uuid as SystemUuid) : null;
}

/** Whether a UUID in canonical form was never given to this board: a filler, or one byte repeated. */
export const isPlaceholder = (uuid: string): boolean =>
  PLACEHOLDERS.has(uuid) || ONE_BYTE.test(uuid.replaceAll("-", ""));

/**
 * From 16 bytes as SMBIOS 2.6 and DHCP option 97 (RFC 4578 section 2.3, after its type byte) carry
 * them: the first three fields little-endian, the rest as printed.
 */
export function systemUuidOf(bytes: Uint8Array): SystemUuid | null {
  return bytes.length === 16 ? parseSystemUuid(swapped(Buffer.from(bytes).toString("hex"))) : null;
}

/** Whether both name one system, even where one side printed the little-endian fields as they lie. */
export const sameSystem = (a: SystemUuid, b: SystemUuid): boolean =>
  a === b || a === hyphenated(swapped(b.replaceAll("-", "")));

const hyphenated = (hex: string): string =>
  hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

const reversed = (hex: string): string => (hex.match(/../g) ?? []).reverse().join("");

const swapped = (hex: string): string =>
  reversed(hex.slice(0, 8)) +
  reversed(hex.slice(8, 12)) +
  reversed(hex.slice(12, 16)) +
  hex.slice(16);
