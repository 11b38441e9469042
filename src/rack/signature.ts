import { createHash, createPublicKey, verify } from "node:crypto";
import { signedText } from "#api/agent.ts";
import { seconds } from "#base/duration.ts";

/** What an agent signed, as it came in. */
export interface SignedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly time: string;
  readonly signature: string;
  readonly body: Uint8Array;
}

/** How far an agent's clock may be off; it took the rack's at its start. */
export const CLOCK_SKEW = seconds(60);

/** The DER of a SubjectPublicKeyInfo for Ed25519 (RFC 8410 section 4), up to the key's 32 bytes. */
const SPKI = Buffer.from("302a300506032b6570032100", "hex");

/** Whether `agentKey` (raw, base64) is an Ed25519 public key. */
export const isAgentKey = (agentKey: string): boolean =>
  /^[A-Za-z0-9+/]{43}=$/.test(agentKey) && Buffer.from(agentKey, "base64").length === 32;

export function isSignedBy(agentKey: string, request: SignedRequest): boolean {
  if (!isAgentKey(agentKey)) return false;
  const key = createPublicKey({
    key: Buffer.concat([SPKI, Buffer.from(agentKey, "base64")]),
    format: "der",
    type: "spki",
  });
  const hash = createHash("sha256").update(request.body).digest("hex");
  const text = signedText(request.method, request.path, request.time, hash);
  return verify(null, Buffer.from(text), key, Buffer.from(request.signature, "base64"));
}

/**
 * The times of sessions' last requests: what was sent once is not taken again. In memory: after a
 * restart of the rack, what was sent within the last minute could be.
 */
export class SeenTimes {
  readonly #last = new Map<string, number>();
  #nextSweep = 0;

  /** Whether the request is of now and comes after the session's last. Notes it if so. */
  take(session: string, time: string, now: number): boolean {
    const at = Number(time);
    if (!/^\d{1,16}$/.test(time) || Math.abs(at - now) > CLOCK_SKEW) return false;
    if (at <= (this.#last.get(session) ?? 0)) return false;
    this.#sweep(now);
    this.#last.set(session, at);
    return true;
  }

  get size(): number {
    return this.#last.size;
  }

  /** What is older than the skew is refused anyway. */
  #sweep(now: number): void {
    if (now < this.#nextSweep) return;
    this.#nextSweep = now + CLOCK_SKEW;
    for (const [session, at] of this.#last) if (now - at > CLOCK_SKEW) this.#last.delete(session);
  }
}
