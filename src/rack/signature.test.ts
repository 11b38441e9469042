import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import { signedText } from "#api/agent.ts";
import { isSignedBy, SeenTimes, type SignedRequest } from "./signature.ts";

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const agentKey = publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
const now = Date.parse("2026-01-01T00:00:00Z");

const body = Buffer.from('{"state":"Written"}');
const time = String(now);
const hash = createHash("sha256").update(body).digest("hex");
const text = signedText("POST", "/agent/v1/report", time, hash);
const signature = sign(null, Buffer.from(text), privateKey).toString("base64");
const right: SignedRequest = { method: "POST", path: "/agent/v1/report", time, signature, body };

describe("an agent's signature", () => {
  it("holds for what it signed", () => {
    expect(isSignedBy(agentKey, right)).toBe(true);
  });

  it.each<{ title: string; difference: Partial<SignedRequest> }>([
    { title: "another body", difference: { body: Buffer.from('{"state":"Failed"}') } },
    { title: "another path", difference: { path: "/agent/v1/seed" } },
    { title: "another method", difference: { method: "GET" } },
    { title: "another time", difference: { time: String(now + 1) } },
    { title: "no signature", difference: { signature: "" } },
  ])("does not hold for $title", ({ difference }) => {
    expect(isSignedBy(agentKey, { ...right, ...difference })).toBe(false);
  });

  it.each(["", "AAAA", "not base64 at all", Buffer.alloc(31).toString("base64")])(
    "does not hold for the key %j",
    (key) => {
      expect(isSignedBy(key, right)).toBe(false);
    },
  );
});

describe("the time of a request", () => {
  it("goes on within a session, and is each session's own", () => {
    const seen = new SeenTimes();
    expect(seen.take("a", String(now), now)).toBe(true);
    expect(seen.take("a", String(now + 1), now)).toBe(true);
    expect(seen.take("b", String(now), now)).toBe(true);
  });

  it.each([
    { title: "the one of before", time: String(now) },
    { title: "an earlier one", time: String(now - 1) },
    { title: "one of more than a minute ago", time: String(now - 60_001) },
    { title: "one of more than a minute ahead", time: String(now + 60_001) },
    { title: "none", time: "" },
    { title: "no number", time: "1e3" },
  ])("is refused where it is $title", ({ time }) => {
    const seen = new SeenTimes();
    seen.take("a", String(now), now);
    expect(seen.take("a", time, now)).toBe(false);
  });

  it("is forgotten once it is refused anyway", () => {
    const seen = new SeenTimes();
    seen.take("a", String(now), now);
    seen.take("b", String(now + 200_000), now + 200_000);
    expect(seen.size).toBe(1);
  });
});
