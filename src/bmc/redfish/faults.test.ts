import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { minutes } from "#base/duration.ts";
import { FAILURES, type Failure, type FailureReason } from "#base/failure.ts";
import {
  BadBmc,
  empty,
  type Fault,
  failureOf,
  isReset,
  isSystem,
  json,
  openBad,
  PASSWORD,
  soon,
} from "#test/fakes/bad-bmc.ts";

const shortly = (): AbortSignal => AbortSignal.timeout(200);

describe("a BMC that misbehaves", () => {
  it.each<[string, FailureReason, Fault]>([
    ["says nothing", "BmcUnreachable", (seen) => isSystem(seen)],
    [
      "drops the connection within the body",
      "BmcUnreachable",
      (seen, response) => {
        if (!isSystem(seen)) return false;
        response.writeHead(200, { "content-length": 5_000 });
        response.write('{"PowerState":"Off"');
        setImmediate(() => response.socket?.destroy());
        return true;
      },
    ],
    [
      "stops within the body",
      "BmcUnreachable",
      (seen, response) => {
        if (!isSystem(seen)) return false;
        response.writeHead(200, { "content-length": 5_000 });
        response.write("{");
        return true;
      },
    ],
    [
      "answers no JSON",
      "BmcProtocolViolation",
      (seen, response) => {
        if (isSystem(seen)) response.end("<html>Welcome</html>");
        return isSystem(seen);
      },
    ],
    [
      "answers with JSON that is no object",
      "BmcProtocolViolation",
      (seen, response) => {
        if (isSystem(seen)) json(response, 200, null);
        return isSystem(seen);
      },
    ],
    [
      "tells its power state as a number",
      "BmcProtocolViolation",
      (seen, response) => {
        if (isSystem(seen)) json(response, 200, { PowerState: 1 });
        return isSystem(seen);
      },
    ],
    [
      "answers with more than anybody can read",
      "BmcProtocolViolation",
      (seen, response) => {
        if (isSystem(seen)) response.end(Buffer.alloc(9 * 1024 ** 2, 0x20));
        return isSystem(seen);
      },
    ],
    [
      "sends us elsewhere",
      "BmcProtocolViolation",
      (seen, response) => {
        if (isSystem(seen)) empty(response, 302, { location: "https://127.0.0.2/redfish/v1/" });
        return isSystem(seen);
      },
    ],
    [
      "sends us in circles",
      "BmcProtocolViolation",
      (seen, response) => {
        if (isSystem(seen)) empty(response, 302, { location: seen.path });
        return isSystem(seen);
      },
    ],
    [
      "refuses the login",
      "BmcCredentialsRejected",
      (seen, response) => {
        if (seen.path.endsWith("Sessions")) empty(response, 401);
        return seen.path.endsWith("Sessions");
      },
    ],
    [
      "refuses the login as a bad request",
      "BmcCredentialsRejected",
      (seen, response) => {
        const info = [{ MessageId: "iLO.2.14.UnauthorizedLoginAttempt" }];
        if (seen.method === "POST")
          json(response, 400, { error: { "@Message.ExtendedInfo": info } });
        return seen.method === "POST";
      },
    ],
    [
      "refuses each session that it made",
      "BmcProtocolViolation",
      (seen, response) => {
        if (isSystem(seen)) empty(response, 401);
        return isSystem(seen);
      },
    ],
    [
      "answers a login without a token",
      "BmcProtocolViolation",
      (seen, response) => {
        if (seen.method === "POST") json(response, 201, {});
        return seen.method === "POST";
      },
    ],
    [
      "has many systems",
      "BmcAddressInvalid",
      (seen, response) => {
        const members = ["/redfish/v1/Systems/1", "/redfish/v1/Systems/2/"];
        if (!seen.path.endsWith("Systems")) return false;
        json(response, 200, { Members: members.map((id) => ({ "@odata.id": id })) });
        return true;
      },
    ],
  ])("and %s ends in %s", async (_, reason, fault) => {
    await using bad = await BadBmc.start(fault);
    await using bmc = openBad(bad.address);
    const patience = reason === "BmcUnreachable" ? shortly() : soon();
    const failed = await failureOf(bmc.observe(patience));
    expect(failed.reason).toBe(reason);
    expect(failed.message).not.toContain(PASSWORD);
  });

  it("is unreachable when it resets the connection", async () => {
    await using bad = await BadBmc.start((seen) => {
      if (isSystem(seen)) setImmediate(() => bad.reset());
      return isSystem(seen);
    });
    await using bmc = openBad(bad.address);
    expect((await failureOf(bmc.observe(soon()))).reason).toBe("BmcUnreachable");
  });

  it("is unreachable when nothing listens", async () => {
    await using bmc = openBad("redfish://127.0.0.1:1");
    expect((await failureOf(bmc.observe(soon()))).reason).toBe("BmcUnreachable");
  });

  it("violates the protocol when its port speaks no TLS", async () => {
    const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" ? address?.port : 0;
    await using bmc = openBad(`redfish://127.0.0.1:${port}`);
    expect((await failureOf(bmc.observe(soon()))).reason).toBe("BmcProtocolViolation");
    server.close();
  });
});

describe("a system that the address names and the BMC does not know", () => {
  const COLLECTION = "/redfish/v1/Systems";
  const NAMED = `${COLLECTION}/Self`;

  /** What a look at NAMED comes to where the BMC's list is answered so. */
  async function lookedAt(list: (response: ServerResponse) => void): Promise<Failure> {
    await using bad = await BadBmc.start((seen, response) => {
      if (seen.path === COLLECTION) list(response);
      return seen.path === COLLECTION;
    });
    await using bmc = openBad(bad.address + NAMED);
    return failureOf(bmc.observe(soon()));
  }
  const listing = (...ids: string[]) => ({
    Members: ids.map((id) => ({ "@odata.id": `${COLLECTION}/${id}` })),
  });

  it.each<[string, FailureReason, string, (response: ServerResponse) => void]>([
    [
      "others",
      "BmcAddressInvalid",
      `GET ${NAMED}: 404, the BMC has no such system and lists: 1, node-2`,
      (response) => json(response, 200, listing("1", "node-2/")),
    ],
    [
      "nothing, as while it starts",
      "BmcAddressInvalid",
      `GET ${NAMED}: 404, the BMC has no such system and lists none`,
      (response) => json(response, 200, listing()),
    ],
    [
      "that it has no list",
      "BmcAddressInvalid",
      `GET ${NAMED}: 404, the BMC has no such system and lists none`,
      (response) => empty(response, 404),
    ],
    [
      "that very system, as while it starts",
      "BmcBusy",
      `GET ${NAMED}: 404, though the BMC lists that system: it may be starting`,
      (response) => json(response, 200, listing("1", "Self")),
    ],
    ["that it is busy", "BmcBusy", `GET ${COLLECTION}: 503`, (response) => empty(response, 503)],
  ])("where it lists %s is %s", async (_, reason, message, list) => {
    expect(await lookedAt(list)).toMatchObject({ reason, message });
  });

  it("is asked for again a minute later: it may have been known too early", () => {
    expect(FAILURES.BmcAddressInvalid.retryAfter).toBe(minutes(1));
  });

  it("and that says itself that it is starting is BmcBusy", async () => {
    const info = [{ MessageId: "Base.1.8.ServiceInUnknownState" }];
    await using bad = await BadBmc.start((seen, response) => {
      if (seen.path === NAMED) json(response, 404, { error: { "@Message.ExtendedInfo": info } });
      return seen.path === NAMED;
    });
    await using bmc = openBad(bad.address + NAMED);
    expect((await failureOf(bmc.observe(soon()))).reason).toBe("BmcBusy");
    expect(bad.requests).not.toContain(`GET ${COLLECTION}`);
  });

  it("is found by its new name where the address names none", async () => {
    await using bad = await BadBmc.start();
    await using bmc = openBad(bad.address);
    await bmc.observe(soon());
    bad.fault = (seen, response) => {
      if (isSystem(seen)) empty(response, 404);
      else if (seen.path === COLLECTION) json(response, 200, listing("Self"));
      else if (seen.path === NAMED) json(response, 200, bad.system);
      else return false;
      return true;
    };
    expect((await failureOf(bmc.observe(soon()))).reason).toBe("BmcAddressInvalid");
    expect((await bmc.observe(soon())).power).toBe("off");
  });
});

describe("an error without a body", () => {
  it.each<[number, FailureReason]>([
    [400, "BmcUnsupported"],
    [403, "BmcCredentialsRejected"],
    [404, "BmcProtocolViolation"],
    [405, "BmcUnsupported"],
    [409, "BmcBusy"],
    [429, "BmcBusy"],
    [500, "BmcProtocolViolation"],
    [503, "BmcBusy"],
  ])("%i to a reset is %s", async (status, reason) => {
    await using bad = await BadBmc.start((seen, response) => {
      if (isReset(seen)) empty(response, status);
      return isReset(seen);
    });
    await using bmc = openBad(bad.address);
    expect((await failureOf(bmc.setPower("on", soon()))).reason).toBe(reason);
  });
});

describe("an error that says why", () => {
  it("is 'not now' while the machine is in POST, though its status is 400", async () => {
    const error = {
      "@Message.ExtendedInfo": [{ MessageId: "iLO.2.14.UnableToModifyDuringSystemPOST" }],
    };
    await using bad = await BadBmc.start((seen, response) => {
      if (isSystem(seen, "PATCH")) json(response, 400, { error });
      return isSystem(seen, "PATCH");
    });
    await using bmc = openBad(bad.address);
    expect((await failureOf(bmc.bootOnce("network", "UEFI", soon()))).reason).toBe("BmcBusy");
  });

  it("is quoted in the message", async () => {
    const error = { "@Message.ExtendedInfo": [{ Message: "The lockdown is on." }] };
    await using bad = await BadBmc.start((seen, response) => {
      if (isReset(seen)) json(response, 400, { error });
      return isReset(seen);
    });
    await using bmc = openBad(bad.address);
    expect((await failureOf(bmc.setPower("on", soon()))).message).toContain(
      "400, The lockdown is on.",
    );
  });

  it("carries the delay that the BMC asks for", async () => {
    await using bad = await BadBmc.start((seen, response) => {
      if (isSystem(seen)) empty(response, 503, { "retry-after": "120" });
      return isSystem(seen);
    });
    await using bmc = openBad(bad.address);
    expect(await failureOf(bmc.observe(soon()))).toMatchObject({
      reason: "BmcBusy",
      retryAfter: 120_000,
    });
  });
});

describe("what a BMC asks for once", () => {
  it("is given: a moment's patience", async () => {
    let refused = 0;
    await using bad = await BadBmc.start((seen, response) => {
      if (!isSystem(seen) || refused > 0) return false;
      refused += 1;
      empty(response, 503, { "retry-after": "0" });
      return true;
    });
    await using bmc = openBad(bad.address);
    expect((await bmc.observe(soon())).power).toBe("off");
  });

  it("is given: a new login when its session ran out", async () => {
    await using bad = await BadBmc.start();
    await using bmc = openBad(bad.address);
    await bmc.observe(soon());
    bad.sessions.clear();
    expect((await bmc.observe(soon())).power).toBe("off");
    expect(bad.requests.filter((line) => line.startsWith("POST"))).toHaveLength(2);
  });

  it("is given: another connection when it closed the old one meanwhile", async () => {
    await using bad = await BadBmc.start();
    await using bmc = openBad(bad.address);
    await bmc.observe(soon());
    let dropped = 0;
    bad.fault = (_, response) => {
      if (dropped++ > 0) return false;
      response.socket?.destroy();
      return true;
    };
    expect((await bmc.observe(soon())).power).toBe("off");
    expect(bad.connections).toBe(2);
  });

  it("is given: the path with a slash at the end, from then on", async () => {
    await using bad = await BadBmc.start((seen, response) => {
      if (!isSystem(seen)) return false;
      empty(response, 308, { location: `${seen.path}/` });
      return true;
    });
    await using bmc = openBad(bad.address);
    const slashed = "/redfish/v1/Systems/1/";
    const plain = bad.fault;
    bad.fault = (seen, response) => {
      if (seen.path !== slashed) return plain(seen, response);
      json(response, 200, bad.system);
      return true;
    };
    await bmc.observe(soon());
    await bmc.observe(soon());
    expect(bad.requests.slice(-3)).toStrictEqual([
      "GET /redfish/v1/Systems/1",
      `GET ${slashed}`,
      `GET ${slashed}`,
    ]);
  });

  it("is not given: a second reset after an answer that never came", async () => {
    await using bad = await BadBmc.start((seen, response) => {
      if (isReset(seen)) response.socket?.destroy();
      return isReset(seen);
    });
    await using bmc = openBad(bad.address);
    expect((await failureOf(bmc.setPower("on", soon()))).reason).toBe("BmcUnreachable");
    expect(bad.seen.filter(isReset)).toHaveLength(1);
  });
});
