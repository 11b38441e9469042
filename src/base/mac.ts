/** A MAC address in its one spelling here: lower case, colons, e.g. "52:54:00:12:34:56". */
export type Mac = string & { readonly unit: "mac" };

/** Reads what people and tools write (colons, hyphens, dots or nothing); `null` if it is none. */
export function parseMac(text: string): Mac | null {
  const digits = text.toLowerCase().replaceAll(/[:.-]/g, "");
  if (!/^[0-9a-f]{12}$/.test(digits)) return null;
  return (digits.match(/../g) ?? []).join(":") as Mac;
}

/** From the bytes on the wire (DHCP chaddr, RFC 2131 section 2). */
export const macOf = (bytes: Uint8Array): Mac =>
  Array.from(bytes.subarray(0, 6), (byte) => byte.toString(16).padStart(2, "0")).join(":") as Mac;
