import { describe, expect, it } from "vitest";
import { systemClock } from "#base/clock.ts";
import type { FailureReason } from "#base/failure.ts";
import { type Gate, notLeader } from "#bmc/gate.ts";
import type { TlsPolicy } from "#bmc/tls.ts";
import {
  BadBmc,
  type Fault,
  FINGERPRINT,
  failureOf,
  isSystem,
  json,
  openBad,
  PASSWORD,
  soon,
  TRUSTED,
} from "#test/fakes/bad-bmc.ts";

describe("a login", () => {
  it("is one for all that is asked at a time, and is ended at the close", async () => {
    await using bad = await BadBmc.start();
    {
      await using bmc = openBad(bad.address);
      await Promise.all([1, 2, 3, 4].map(() => bmc.observe(soon())));
    }
    expect(bad.requests).toStrictEqual([
      "GET /redfish/v1/",
      "POST /redfish/v1/SessionService/Sessions",
      "GET /redfish/v1/Systems",
      ...Array<string>(4).fill("GET /redfish/v1/Systems/1"),
      "DELETE /redfish/v1/SessionService/Sessions/t2",
    ]);
    expect(bad.connections).toBe(1);
    expect(bad.sessions.size).toBe(0);
  });

  it("is left behind, and nothing asked, by one who may not ask any more", async () => {
    await using bad = await BadBmc.start();
    let mayAsk = true;
    const gate: Gate = async () => {
      if (!mayAsk) throw notLeader();
    };
    {
      await using bmc = openBad(bad.address, TRUSTED, { clock: systemClock, gate });
      await bmc.observe(soon());
      mayAsk = false;
    }
    expect(bad.requests.at(-1)).toBe("GET /redfish/v1/Systems/1");
    expect(bad.sessions.size).toBe(1);
  });

  it.each<[string, Fault]>([
    [
      "there is no session service",
      (seen, response) => {
        if (seen.path === "/redfish/v1/") json(response, 200, { RedfishVersion: "1.0.0" });
        return seen.path === "/redfish/v1/";
      },
    ],
    [
      "its table is full",
      (seen, response) => {
        const info = [{ MessageId: "Base.1.18.SessionLimitExceeded" }];
        if (seen.method === "POST")
          json(response, 503, { error: { "@Message.ExtendedInfo": info } });
        return seen.method === "POST";
      },
    ],
  ])("is left out, and Basic used, where %s", async (_, fault) => {
    const basic = `Basic ${Buffer.from(`root:${PASSWORD}`).toString("base64")}`;
    await using bad = await BadBmc.start((seen, response) => {
      if (fault(seen, response)) return true;
      if (seen.headers["authorization"] !== basic) return false;
      if (isSystem(seen)) json(response, 200, bad.system);
      else json(response, 200, { Members: [{ "@odata.id": "/redfish/v1/Systems/1" }] });
      return true;
    });
    await using bmc = openBad(bad.address);
    expect((await bmc.observe(soon())).power).toBe("off");
  });
});

describe("a certificate", () => {
  const other = "ab".repeat(32);

  it.each<[string, TlsPolicy]>([
    ["signed by the CA", TRUSTED],
    ["that is pinned", { mode: "Pin", pin: FINGERPRINT }],
    [
      "pinned in capitals with colons",
      {
        mode: "Pin",
        pin: (FINGERPRINT.toUpperCase().match(/../g) ?? []).join(":"),
      },
    ],
    ["seen for the first time", { mode: "PinOnFirstUse", pin: null }],
    ["of anybody, if so told", { mode: "Insecure" }],
  ])("%s is taken, and its fingerprint told", async (_, tls) => {
    await using bad = await BadBmc.start();
    await using bmc = openBad(bad.address, tls);
    expect((await bmc.observe(soon())).fingerprint).toBe(FINGERPRINT);
  });

  it.each<[string, TlsPolicy, FailureReason]>([
    ["of an unknown CA", { mode: "Verify", ca: null }, "BmcCertificateUntrusted"],
    ["other than the pin", { mode: "Pin", pin: other }, "BmcCertificateChanged"],
    ["other than at first", { mode: "PinOnFirstUse", pin: other }, "BmcCertificateChanged"],
  ])("%s is refused before any byte of HTTP", async (_, tls, reason) => {
    await using bad = await BadBmc.start();
    await using bmc = openBad(bad.address, tls);
    expect((await failureOf(bmc.observe(soon()))).reason).toBe(reason);
    expect(bad.requests).toStrictEqual([]);
  });

  it("for another host is refused", async () => {
    await using bad = await BadBmc.start();
    const elsewhere = bad.address.replace("127.0.0.1", "localhost");
    await using bmc = openBad(elsewhere);
    expect((await failureOf(bmc.observe(soon()))).reason).toBe("BmcCertificateUntrusted");
  });
});
