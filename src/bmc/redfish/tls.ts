import { createHash } from "node:crypto";
import { createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import { buildConnector } from "undici";
import { seconds } from "#base/duration.ts";
import { Failure } from "#base/failure.ts";
import { notLeader } from "#bmc/gate.ts";
import { normalPin, type TlsPolicy } from "#bmc/tls.ts";

const CONNECT_TIMEOUT = seconds(10);

/** Makes connections under one policy, and remembers whose certificate it saw. */
export class Connector {
  /** Of the certificate shown last, accepted or not; `null` before the first handshake. */
  fingerprint: string | null = null;
  /** What each further handshake must show; `null`: anything. */
  #pin: string | null;
  readonly #policy: TlsPolicy;
  readonly #mayAsk: () => boolean;
  readonly #connect: buildConnector.connector;

  /** @param mayAsk false: whoever asked for the connection may not send anything over it any more */
  constructor(policy: TlsPolicy, mayAsk: () => boolean = () => true) {
    this.#mayAsk = mayAsk;
    this.#policy = policy;
    this.#pin = "pin" in policy && policy.pin !== null ? normalPin(policy.pin) : null;
    this.#connect = buildConnector({
      timeout: CONNECT_TIMEOUT,
      allowH2: false,
      maxCachedSessions: 0, // a full handshake each time: it proves the key
      ...verification(policy),
    });
  }

  /** For undici. The pin is checked before any byte of HTTP goes over the connection. */
  readonly connect: buildConnector.connector = (options, done) => {
    this.#connect(options, (...[error, socket]) => {
      if (error !== null) return done(error, null);
      const refusal = this.#refusal(socket as TLSSocket);
      if (refusal === null) return done(null, fenced(socket as TLSSocket, this.#mayAsk));
      socket.destroy();
      return done(refusal, null);
    });
  };

  #refusal(socket: TLSSocket): Failure | null {
    const der = socket.getPeerX509Certificate()?.raw;
    if (der === undefined) return new Failure("BmcProtocolViolation", "TLS without a certificate");
    this.fingerprint = createHash("sha256").update(der).digest("hex");
    if (this.#policy.mode === "PinOnFirstUse") this.#pin ??= this.fingerprint;
    if (this.#pin === null || this.#pin === this.fingerprint) return null;
    const seen = `it shows ${this.fingerprint}, the pin is ${this.#pin}`;
    return new Failure("BmcCertificateChanged", seen);
  }
}

/**
 * Asks once more in the call that hands the bytes to the kernel. A process can be stopped between any
 * two lines of ours; with many machines at work at once, several requests are past the gate and not
 * sent. Of those none goes out afterwards, save one whose write was under way.
 */
function fenced(socket: TLSSocket, mayAsk: () => boolean): TLSSocket {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  socket.write = (...args: unknown[]): boolean => {
    if (mayAsk()) return write(...args);
    socket.destroy(notLeader());
    return false;
  };
  return socket;
}

/** What a handshake trusts, made once per CA bundle: reading one costs as much as a handshake. */
const contexts = new Map<string, SecureContext>();
const MAX_CONTEXTS = 64;

function verification(policy: TlsPolicy): {
  rejectUnauthorized: boolean;
  secureContext: SecureContext;
} {
  const ca = policy.mode === "Verify" ? policy.ca : null;
  const known = contexts.get(ca ?? "");
  const secureContext = known ?? createSecureContext(ca === null ? {} : { ca });
  if (contexts.size >= MAX_CONTEXTS) contexts.clear();
  contexts.set(ca ?? "", secureContext);
  return { rejectUnauthorized: policy.mode === "Verify", secureContext };
}
