import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:tls";
import { describe, expect, it } from "vitest";
import type { Duration } from "#base/duration.ts";
import { createCa, fingerprint, issueClient, issueServer } from "./certificate.ts";

const now = Date.parse("2026-11-22T12:00:00Z");
const ca = createCa("zone a", { now });

describe("a CA of ours", () => {
  it("is one, and is signed by itself", () => {
    const parsed = new X509Certificate(ca.certificate);
    expect(parsed.ca).toBe(true);
    expect(parsed.subject).toBe("CN=zone a");
    expect(parsed.verify(parsed.publicKey)).toBe(true);
  });

  it("lasts into the time of GeneralizedTime", () => {
    const old = createCa("z", { now: Date.parse("2045-01-01T00:00:00Z") });
    expect(new X509Certificate(old.certificate).validTo).toContain("2054");
  });
});

describe("a server's certificate", () => {
  const names = { dns: ["rack.zone-a"], ips: ["10.0.0.7", "fd00::1:2"] };
  const leaf = new X509Certificate(issueServer(ca, names, { now }).certificate);

  it("is signed by its CA and is none itself", () => {
    const parent = new X509Certificate(ca.certificate);
    expect(leaf.verify(parent.publicKey)).toBe(true);
    expect(leaf.checkIssued(parent)).toBe(true);
    expect(leaf.ca).toBe(false);
  });

  it("names its hosts", () => {
    expect(leaf.checkHost("rack.zone-a")).toBe("rack.zone-a");
    expect(leaf.checkIP("10.0.0.7")).toBe("10.0.0.7");
    expect(leaf.checkIP("fd00::1:2")).toBe("fd00::1:2");
    expect(leaf.checkHost("rack.zone-b")).toBeUndefined();
  });

  it("lasts as long as it was told", () => {
    const short = issueServer(ca, names, { now, lifetime: 60_000 as Duration });
    expect(new Date(new X509Certificate(short.certificate).validTo).getTime()).toBe(now + 60_000);
  });

  it("has a serial number of its own each time", () => {
    const other = new X509Certificate(issueServer(ca, names, { now }).certificate);
    expect(other.serialNumber).not.toBe(leaf.serialNumber);
  });
});

describe("a handshake", () => {
  it("succeeds between a server and a client of one CA", async () => {
    const zone = createCa("zone b", { now: Date.now() });
    const served = issueServer(zone, { dns: [], ips: ["127.0.0.1"] }, { now: Date.now() });
    const client = issueClient(zone, "rack-1", { now: Date.now() });
    const server = createServer({
      cert: served.certificate,
      key: served.key,
      ca: zone.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const socket = connect({
      host: "127.0.0.1",
      port: address.port,
      ca: zone.certificate,
      cert: client.certificate,
      key: client.key,
    });
    const [accepted] = await Promise.all([
      once(server, "secureConnection"),
      once(socket, "secureConnect"),
    ]);
    expect(socket.authorized).toBe(true);
    expect(accepted[0].getPeerCertificate().subject.CN).toBe("rack-1");
    expect(fingerprint(socket.getPeerCertificate().raw)).toBe(
      fingerprint(new X509Certificate(served.certificate).raw),
    );
    socket.destroy();
    server.close();
  });
});
