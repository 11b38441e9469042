import { describe, expect, it } from "vitest";
import { minutes, seconds } from "#base/duration.ts";
import { Failure } from "#base/failure.ts";
import { createLog } from "#base/log.ts";
import type { BmcDriver } from "#bmc/driver.ts";
import { BmcPool } from "#bmc/pool.ts";
import type { TlsPolicy } from "#bmc/tls.ts";
import { FakeBmc } from "#test/fakes/bmc.ts";
import { Room } from "#test/fakes/room.ts";

/** A connection to the BMC which, like a real one, holds on to the certificate it saw first. */
class Connection extends FakeBmc {
  readonly #bmc: FakeBmc;
  #pin: string | null;

  constructor(bmc: FakeBmc, tls: TlsPolicy) {
    super();
    this.#bmc = bmc;
    this.#pin = "pin" in tls ? tls.pin : null;
  }

  override async observe(signal: AbortSignal) {
    const seen = await this.#bmc.observe(signal);
    this.#pin ??= seen.fingerprint;
    if (this.#pin === seen.fingerprint) return seen;
    throw new Failure("BmcCertificateChanged", `it shows ${seen.fingerprint}`);
  }
}

/** A machine at rest whose BMC is reached through the pool that the operator uses. */
async function pooled(): Promise<Room> {
  const room = await Room.with({}, { fingerprint: "aa" });
  const pool = new BmcPool({
    clock: room.clock,
    log: createLog("test", "fatal"),
    mayAsk: () => true,
    limits: { requestsPerSecond: 1_000, burst: 1_000 },
    open: (_, __, tls): BmcDriver => new Connection(room.bmc, tls),
  });
  room.lease = (key) => pool.lease(key);
  await room.settle();
  await room.pass(seconds(3));
  await room.commission();
  return room;
}

describe("a BMC that shows another certificate", () => {
  it("is not believed, until a person accepts it: then it is what counts", async () => {
    const room = await pooled();
    const pinned = async () => (await room.machine()).status?.identity?.bmcFingerprint;
    expect(await pinned()).toBe("aa");
    room.bmc.now = { ...room.bmc.now, fingerprint: "bb" };
    await room.pass(minutes(1));
    expect(await room.condition("Stalled")).toBe("True BmcCertificateChanged");

    await room.edit({ nonces: { acceptHardware: "1" } });
    await room.settle();
    expect(await pinned()).toBe("bb");
    expect(await room.condition("Stalled")).toBe("False Ready");
    expect((await room.machine()).status?.applied?.nonces).toEqual({ acceptHardware: "1" });

    room.bmc.now = { ...room.bmc.now, fingerprint: "cc" };
    await room.pass(minutes(1));
    expect(await room.condition("Stalled")).toBe("True BmcCertificateChanged");
  });
});
