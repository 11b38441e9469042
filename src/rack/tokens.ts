/**
 * What a rack signs for those who come back: boot tokens, sessions, phone-home URLs. An HMAC by the
 * zone's key and no state, so that any rack of the zone can check them, and one that was restarted.
 *
 * They say who somebody is. What he may do is asked of the API each time: a token is no grant.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

interface Common {
  /** Milliseconds since the epoch. */
  readonly expires: number;
  /** Machine: `namespace/name` and its uid. Absent: nobody knows who it is (discovery). */
  readonly machine?: Named;
  /** Absent: there was no task when it booted; it waits for one. */
  readonly task?: Named;
  /** The MAC that it booted from. */
  readonly mac: string;
  /** Of the boot; in a session, of the task's grant. */
  readonly nonce: string;
}

interface Named {
  readonly key: string;
  readonly uid: string;
}

/** On the kernel's command line of one boot; exchanged at hello for a session. */
export type BootToken = Common & { readonly kind: "boot" };
/** What an agent shows from hello on. */
export type Session = Common & {
  readonly kind: "session";
  /** The raw Ed25519 public key in base64 that each request must be signed with. */
  readonly agentKey: string;
  /** The system UUID that it gave at hello. */
  readonly systemUUID?: string;
};
/** In a deployed system's phone-home URL. */
export type PhoneToken = Common & { readonly kind: "phone"; readonly task: Named };

export type Token = BootToken | Session | PhoneToken;

export type Opened<T extends Token> =
  | { readonly token: T }
  | { readonly refused: "Malformed" | "Forged" | "Expired" | "WrongKind" };

/** Longer than any of ours; what comes in is cut off here before it is hashed. */
const MAX_LENGTH = 2_048;

/** URL-safe: `<payload>.<HMAC-SHA-256>`, both in base64url. */
export function sealToken(token: Token, key: Uint8Array): string {
  const payload = Buffer.from(JSON.stringify(pack(token))).toString("base64url");
  return `${payload}.${mac(payload, key).toString("base64url")}`;
}

/** Checks the seal in constant time before anything is read from the token. */
export function openToken<K extends Token["kind"]>(
  text: string,
  kind: K,
  key: Uint8Array,
  now: number,
): Opened<Extract<Token, { kind: K }>> {
  const [payload, seal, ...more] = text.slice(0, MAX_LENGTH).split(".");
  if (payload === undefined || seal === undefined || more.length > 0)
    return { refused: "Malformed" };
  const [given, right] = [Buffer.from(seal, "base64url"), mac(payload, key)];
  if (given.length !== right.length || !timingSafeEqual(given, right)) return { refused: "Forged" };
  const token = unpack(JSON.parse(Buffer.from(payload, "base64url").toString())); // ours: sealed
  if (!isOf(token, kind)) return { refused: "WrongKind" };
  return token.expires > now ? { token } : { refused: "Expired" };
}

const mac = (payload: string, key: Uint8Array): Buffer =>
  createHmac("sha256", key).update(payload).digest();

const isOf = <K extends Token["kind"]>(
  token: Token,
  kind: K,
): token is Extract<Token, { kind: K }> => token.kind === kind;

/** Short, because a kernel's command line ends at 2,048 bytes and a URL must be typed by firmware. */
interface Packed {
  readonly v: 1;
  readonly k: Token["kind"];
  readonly e: number;
  readonly m?: readonly [string, string];
  readonly t?: readonly [string, string];
  readonly a: string;
  readonly n: string;
  readonly p?: string;
  readonly u?: string;
}

function pack(token: Token): Packed {
  const { machine, task } = token;
  return {
    v: 1,
    k: token.kind,
    e: token.expires,
    ...(machine !== undefined && { m: [machine.key, machine.uid] }),
    ...(task !== undefined && { t: [task.key, task.uid] }),
    a: token.mac,
    n: token.nonce,
    ...(token.kind === "session" && { p: token.agentKey }),
    ...(token.kind === "session" && token.systemUUID !== undefined && { u: token.systemUUID }),
  };
}

function unpack({ k, e, m, t, a, n, p, u }: Packed): Token {
  const named = (pair: readonly [string, string]): Named => ({ key: pair[0], uid: pair[1] });
  const common = {
    expires: e,
    ...(m !== undefined && { machine: named(m) }),
    ...(t !== undefined && { task: named(t) }),
    mac: a,
    nonce: n,
  };
  if (k === "session") {
    return { ...common, kind: k, agentKey: p ?? "", ...(u !== undefined && { systemUUID: u }) };
  }
  if (k === "phone") return { ...common, kind: k, task: named(t ?? ["", ""]) };
  return { ...common, kind: k };
}
