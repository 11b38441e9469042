import { createHash, X509Certificate } from "node:crypto";
import { CORE, ZONE_KEYS_SECRET, zoneNamespace } from "#api/group.ts";
import type { Clock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import type { KubeObject } from "#base/object.ts";
import type { KubeClient } from "#kube/client.ts";

/** Of a zone, made by the operator. `hmacKey` and `tlsKey` are secret. */
export interface ZoneKeys {
  readonly hmacKey: Uint8Array;
  /** PEM. */
  readonly caCert: string;
  /** `sha256:<hex>` of the CA's DER. */
  readonly caDigest: string;
  readonly tlsCert: string;
  readonly tlsKey: string;
}

type SecretObject = KubeObject & { readonly data?: Readonly<Record<string, string>> };

const SHORTEST_KEY = 32;

/** @throws {TypeError} naming the key that is missing or no good, never its value */
export function readZoneKeys({ data = {} }: SecretObject): ZoneKeys {
  const bytes = (key: string): Buffer => Buffer.from(data[key] ?? "", "base64");
  const hmacKey = bytes("hmacKey");
  if (hmacKey.length < SHORTEST_KEY) throw new TypeError(`${ZONE_KEYS_SECRET}: hmacKey`);
  const caCert = bytes("ca.crt").toString();
  const [tlsCert, tlsKey] = [bytes("tls.crt").toString(), bytes("tls.key").toString()];
  if (tlsCert === "" || tlsKey === "") throw new TypeError(`${ZONE_KEYS_SECRET}: tls.crt, tls.key`);
  return { hmacKey, caCert, caDigest: digestOf(caCert), tlsCert, tlsKey };
}

function digestOf(caCert: string): string {
  try {
    const { raw } = new X509Certificate(caCert);
    return `sha256:${createHash("sha256").update(raw).digest("hex")}`;
  } catch (cause) {
    throw new TypeError(`${ZONE_KEYS_SECRET}: ca.crt`, { cause });
  }
}

export interface ZoneKeysDeps {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
}

/** Waits until the operator has made them: racks may be there before their Zone. */
export async function waitForZoneKeys(
  zone: string,
  { client, clock, log }: ZoneKeysDeps,
  signal: AbortSignal,
): Promise<ZoneKeys> {
  const ref = { namespace: zoneNamespace(zone), name: ZONE_KEYS_SECRET };
  for (;;) {
    try {
      const secret = await client.get<SecretObject>(CORE.secret, ref, signal);
      if (secret !== null) return readZoneKeys(secret);
      log.info({ secret: ref.name, namespace: ref.namespace }, "waiting for the zone's keys");
    } catch (error) {
      signal.throwIfAborted();
      log.warn({ err: error }, "cannot read the zone's keys");
    }
    await clock.sleep(seconds(1), signal);
  }
}
