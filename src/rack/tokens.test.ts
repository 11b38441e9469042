import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BootToken, openToken, type Session, sealToken } from "./tokens.ts";

const key = Buffer.alloc(32, 7);
const now = Date.parse("2026-01-01T00:00:00Z");
const boot: BootToken = {
  kind: "boot",
  expires: now + 1_000,
  machine: { key: "lab/m1", uid: "aaaaaaaa-0000-0000-0000-000000000001" },
  task: {
    key: `lab/${"m".repeat(40)}-aaaaaaaa-commission-1-1`,
    uid: "bbbbbbbb-0000-0000-0000-000000000001",
  },
  mac: "52:54:00:00:00:01",
  nonce: "n".repeat(22),
};
const session: Session = { ...boot, kind: "session", agentKey: "k", systemUUID: "u" };

describe("a token", () => {
  it.each([
    { title: "a boot", token: boot },
    { title: "a session", token: session },
    { title: "a phone-home", token: { ...boot, kind: "phone", task: { key: "t", uid: "u" } } },
    {
      title: "a boot that nobody knows",
      token: { kind: "boot", expires: now + 1, mac: "m", nonce: "n" },
    },
  ] as const)("of $title says what was sealed", ({ token }) => {
    expect(openToken(sealToken(token, key), token.kind, key, now)).toStrictEqual({ token });
  });

  it("fits on a kernel's command line and in a URL", () => {
    const text = sealToken(boot, key);
    expect(text.length).toBeLessThan(512);
    expect(text).toMatch(/^[\w.-]+$/);
  });

  it.each([
    { title: "has expired", text: () => sealToken({ ...boot, expires: now }, key), why: "Expired" },
    { title: "is of another zone", text: () => sealToken(boot, Buffer.alloc(32)), why: "Forged" },
    { title: "is a session", text: () => sealToken(session, key), why: "WrongKind" },
    { title: "has no seal", text: () => "abc", why: "Malformed" },
    { title: "has an empty seal", text: () => "abc.", why: "Forged" },
    {
      title: "has another payload",
      text: () => `${sealToken(session, key).split(".")[0]}.${sealToken(boot, key).split(".")[1]}`,
      why: "Forged",
    },
  ])("is refused where it $title", ({ text, why }) => {
    expect(openToken(text(), "boot", key, now)).toStrictEqual({ refused: why });
  });

  it("is refused whatever byte of it is changed", () => {
    const text = sealToken(boot, key);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.base64String({ minLength: 1 }), (at, other) => {
        const changed = text.slice(0, at) + other.charAt(0) + text.slice(at + 1);
        const same = Buffer.from(changed.split(".")[1] ?? "", "base64url").equals(
          Buffer.from(text.split(".")[1] ?? "", "base64url"),
        );
        if (changed.split(".")[0] === text.split(".")[0] && same) return;
        expect(openToken(changed, "boot", key, now)).toHaveProperty("refused");
      }),
    );
  });

  it("never throws at what somebody sends", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(openToken(text, "boot", key, now)).toHaveProperty("refused");
      }),
    );
  });
});
