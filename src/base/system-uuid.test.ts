import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPlaceholder, parseSystemUuid, sameSystem, systemUuidOf } from "./system-uuid.ts";

const dell = "4c4c4544-0035-5810-8054-b3c04f4d4431";

describe("a system UUID", () => {
  it.each([
    ["in capitals", dell.toUpperCase()],
    ["as a URN", `urn:uuid:${dell}`],
    ["without hyphens", dell.replaceAll("-", "")],
    ["with blanks around it", ` ${dell}\n`],
    ["in braces", `{${dell}}`],
  ])("is read %s", (_, text) => {
    expect(parseSystemUuid(text)).toBe(dell);
  });

  it.each([
    ["all zeros", "00000000-0000-0000-0000-000000000000"],
    ["all f", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"],
    ["AMI's sample", "03000200-0400-0500-0006-000700080009"],
    ["Supermicro's sample", "12345678-1234-5678-90AB-CDDEEFAABBCC"],
    ["not a UUID", "Not Settable"],
    ["nothing", ""],
    ["one digit short", dell.slice(1)],
  ])("is none: %s", (_, text) => {
    expect(parseSystemUuid(text)).toBeNull();
  });

  it("comes mixed-endian in DHCP option 97", () => {
    const bytes = Buffer.from("44454c4c350010588054b3c04f4d4431", "hex");
    expect(systemUuidOf(bytes)).toBe(dell);
  });

  it("is none when bytes are missing", () => {
    expect(systemUuidOf(Buffer.alloc(15, 7))).toBeNull();
  });

  it("is the same system in either byte order, and no other", () => {
    const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(bytes, (raw) => {
        const printed = parseSystemUuid(Buffer.from(raw).toString("hex"));
        const decoded = systemUuidOf(raw);
        fc.pre(printed !== null && decoded !== null);
        expect(sameSystem(printed, decoded)).toBe(true);
        expect(sameSystem(printed, printed)).toBe(true);
        expect(isPlaceholder(printed)).toBe(false);
      }),
    );
    const other = parseSystemUuid(dell.replace("4431", "4432"));
    const one = parseSystemUuid(dell);
    if (one === null || other === null) throw new Error("both are UUIDs");
    expect(sameSystem(one, other)).toBe(false);
  });
});
