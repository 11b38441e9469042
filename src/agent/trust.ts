/**
 * From a digest on the kernel's command line to a connection that can be believed: the rack's
 * clock first (certificates have dates), then the zone's CA by its digest, then TLS under it.
 */
import { createHash, X509Certificate } from "node:crypto";
import { Agent } from "node:https";
import type { PeerCertificate } from "node:tls";
import type { BootParameters } from "./boot-parameters.ts";
import { exchange, Unreachable } from "./http.ts";
import { Refused } from "./task-error.ts";
import { PLAIN_PATHS, RACK_DOMAIN } from "./wire.ts";

const SMALL = 65_536;

/** Milliseconds since the epoch, as the rack says. @throws {@link Unreachable} */
export async function rackTime(rackUrl: string, signal: AbortSignal): Promise<number> {
  const text = (await fetched(`${rackUrl}${PLAIN_PATHS.time}`, signal)).toString();
  const now = Number(text.trim());
  if (!Number.isSafeInteger(now) || now <= 0) throw new Unreachable("the rack's time is no number");
  return now;
}

/** The zone's CA, as PEM. @throws {@link Refused} if it is not the one of the command line */
export async function zoneCa(boot: BootParameters, signal: AbortSignal): Promise<string> {
  const pem = (await fetched(`${boot.rackUrl}${PLAIN_PATHS.ca}`, signal)).toString();
  if (digestOf(pem) !== boot.caSha256) {
    throw new Refused("the zone's CA is not the one that the kernel's command line names");
  }
  return pem;
}

function digestOf(pem: string): string | null {
  try {
    return createHash("sha256").update(new X509Certificate(pem).raw).digest("hex");
  } catch {
    return null;
  }
}

async function fetched(url: string, signal: AbortSignal): Promise<Buffer> {
  const { status, body } = await exchange({ url: new URL(url) }, SMALL, signal);
  if (status !== 200) throw new Unreachable(`${url}: HTTP ${status}`);
  return body;
}

/** Connections to racks of the zone, kept open. */
export const rackConnections = (ca: string): Agent =>
  new Agent({
    ca,
    keepAlive: true,
    maxSockets: 1, // requests carry an ever later time: they must arrive in order
    servername: `rack${RACK_DOMAIN}`,
    checkServerIdentity: (_host, certificate) => strangeName(certificate),
  });

/** The CA signs for its zone alone, so that any rack's name will do, whatever its address. */
export function strangeName({
  subjectaltname = "",
}: Pick<PeerCertificate, "subjectaltname">): Error | undefined {
  const names = subjectaltname.split(/,\s*/);
  return names.some((name) => name.startsWith("DNS:rack.") && name.endsWith(RACK_DOMAIN))
    ? undefined
    : new Error("the certificate is not a rack's");
}
