/**
 * Certificates of our own making (RFC 5280): a zone's CA, what its racks and BMC simulators show.
 * ECDSA on P-256 with SHA-256, and nothing else. Node signs; only the form is written here.
 */
import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { type Duration, hours } from "#base/duration.ts";
import { addressBytes } from "./address.ts";
import {
  bits,
  children,
  explicit,
  implicit,
  integer,
  octets,
  oid,
  sequence,
  set,
  time,
  truth,
  utf8,
} from "./der.ts";

/** Both in PEM. `key` is PKCS #8 and secret. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

export interface Validity {
  /** Milliseconds since the epoch. It is valid from a day before: clocks in a room differ. */
  readonly now: number;
  readonly lifetime?: Duration;
}

export interface ServerNames {
  readonly dns: readonly string[];
  /** IPv4 or IPv6. */
  readonly ips: readonly string[];
}

const DAY = hours(24);
const CA_LIFETIME = (DAY * 3_650) as Duration;
const LEAF_LIFETIME = (DAY * 365) as Duration;

const ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2")); // RFC 5758 section 3.2
const SERVER_AUTH = oid("1.3.6.1.5.5.7.3.1"); // RFC 5280 section 4.2.1.12
const CLIENT_AUTH = oid("1.3.6.1.5.5.7.3.2");

/** A new CA with a new key, good for ten years, that signs leaves only. */
export function createCa(commonName: string, validity: Validity): Issued {
  const keys = newKeys();
  return certificate({
    subject: nameOf(commonName),
    publicKey: keys.publicKey,
    key: keys.privateKey,
    issuer: { name: nameOf(commonName), keyId: keyId(keys.publicKey), key: keys.privateKey },
    validity: { lifetime: CA_LIFETIME, ...validity },
    extensions: [
      extension("2.5.29.19", sequence(truth(), integer(0n)), "critical"), // CA, no CA below it
      extension("2.5.29.15", bits(Buffer.from([0b0000_0110]), 1), "critical"), // signs, revokes
      extension("2.5.29.14", octets(keyId(keys.publicKey))),
    ],
  });
}

/** For a TLS server that is reached under these names. Good for a year unless told otherwise. */
export const issueServer = (ca: Issued, names: ServerNames, validity: Validity): Issued =>
  leaf(
    ca,
    names.dns[0] ?? names.ips[0] ?? "server",
    SERVER_AUTH,
    alternativeNames(names),
    validity,
  );

/** For a TLS client, known by its common name. */
export const issueClient = (ca: Issued, commonName: string, validity: Validity): Issued =>
  leaf(ca, commonName, CLIENT_AUTH, [], validity);

/** SHA-256 over the certificate as it goes over the wire, lower-case hex. */
export const fingerprint = (der: Uint8Array): string =>
  createHash("sha256").update(der).digest("hex");

interface Content {
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  /** Its private half, for the answer. */
  readonly key: KeyObject;
  readonly issuer: {
    readonly name: Uint8Array;
    readonly keyId: Buffer;
    readonly key: KeyObject | string;
  };
  readonly validity: Required<Validity>;
  readonly extensions: readonly Buffer[];
}

function leaf(
  ca: Issued,
  commonName: string,
  purpose: Buffer,
  extensions: readonly Buffer[],
  validity: Validity,
): Issued {
  const keys = newKeys();
  const parsed = new X509Certificate(ca.certificate);
  return certificate({
    subject: nameOf(commonName),
    publicKey: keys.publicKey,
    key: keys.privateKey,
    issuer: { name: subjectOf(parsed.raw), keyId: keyId(parsed.publicKey), key: ca.key },
    validity: { lifetime: LEAF_LIFETIME, ...validity },
    extensions: [
      extension("2.5.29.19", sequence(), "critical"),
      extension("2.5.29.15", bits(Buffer.from([0b1000_0000]), 7), "critical"), // digitalSignature
      extension("2.5.29.37", sequence(purpose)),
      ...extensions,
    ],
  });
}

/** RFC 5280 section 4.1. */
function certificate({ subject, publicKey, key, issuer, validity, extensions }: Content): Issued {
  const body = sequence(
    explicit(0, integer(2n)), // v3
    integer(serialNumber()),
    ECDSA_SHA256,
    issuer.name,
    sequence(time(new Date(validity.now - DAY)), time(new Date(validity.now + validity.lifetime))),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    explicit(
      3,
      sequence(...extensions, extension("2.5.29.35", sequence(implicit(0, issuer.keyId)))),
    ),
  );
  const der = sequence(body, ECDSA_SHA256, bits(sign("sha256", body, issuer.key)));
  return {
    certificate: new X509Certificate(der).toString(),
    key: key.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

const newKeys = (): { publicKey: KeyObject; privateKey: KeyObject } =>
  generateKeyPairSync("ec", { namedCurve: "P-256" });

/** Positive, at most 20 octets, not to be guessed (RFC 5280 section 4.1.2.2). */
const serialNumber = (): bigint => BigInt(`0x01${randomBytes(15).toString("hex")}`);

const nameOf = (commonName: string): Buffer =>
  sequence(set(sequence(oid("2.5.4.3"), utf8(commonName))));

/** Of a certificate: version, serial number, algorithm, issuer, validity, subject, … */
function subjectOf(der: Uint8Array): Uint8Array {
  const [body = der] = children(der);
  const subject = children(body)[5];
  if (subject === undefined) throw new Error("a certificate without a subject");
  return subject;
}

/** RFC 7093 section 2, method 1: SHA-256 of the key's bits, cut to 160. */
function keyId(key: KeyObject): Buffer {
  const point = key.export({ type: "spki", format: "der" }).subarray(-65); // uncompressed P-256
  return createHash("sha256").update(point).digest().subarray(0, 20);
}

const extension = (id: string, value: Buffer, critical?: "critical"): Buffer =>
  sequence(oid(id), ...(critical === undefined ? [] : [truth()]), octets(value));

/** RFC 5280 section 4.2.1.6: dNSName is [2], iPAddress is [7]. */
function alternativeNames({ dns, ips }: ServerNames): readonly Buffer[] {
  const names = [
    ...dns.map((name) => implicit(2, Buffer.from(name))),
    ...ips.map((ip) => implicit(7, addressBytes(ip))),
  ];
  return names.length === 0 ? [] : [extension("2.5.29.17", sequence(...names))];
}
