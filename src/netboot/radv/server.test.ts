import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { seconds } from "#base/duration.ts";
import { openIcmp6 } from "#netboot/socket/icmp6.ts";
import { FakeClock } from "#test/fakes/clock.ts";
import { FakeLog } from "#test/fakes/log.ts";
import { serveRadv } from "./server.ts";

/** struct sockaddr_in6 of ::1. */
const LOOPBACK = new Uint8Array(28);
LOOPBACK[0] = 10;
LOOPBACK[23] = 1;

const able = process.getuid?.() === 0 && existsSync("/proc/net/if_inet6");

describe.runIf(able)("serveRadv, on loopback", () => {
  it("answers a solicitation, counts what is malformed, and ends with the signal", async () => {
    const stop = new AbortController();
    const clock = new FakeClock();
    const counted: string[] = [];
    const log = new FakeLog();
    const deps = { count: (event: string) => counted.push(event), clock, log: log.log };
    await using _server = await serveRadv(["lo"], deps, stop.signal);
    using host = await openIcmp6("lo", stop.signal);
    host.send(Uint8Array.of(133, 0, 0, 0, 0, 0, 0, 0), LOOPBACK);
    host.send(Uint8Array.of(133, 1, 0, 0, 0, 0, 0, 0), LOOPBACK);
    await clock.advance(seconds(1));
    stop.abort();
    expect(counted).toEqual(["Solicitation", "Advertisement", "Malformed"]);
    expect(log.lines).toEqual([]);
  });

  it("rejects a device that is not there", async () => {
    const deps = { count: () => {}, clock: new FakeClock(), log: new FakeLog().log };
    await expect(serveRadv(["nosuch0"], deps, new AbortController().signal)).rejects.toThrow();
  });
});
