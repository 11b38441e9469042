import type { Clock } from "#base/clock.ts";
import { Failure } from "#base/failure.ts";
import { parseBmcAddress } from "./address.ts";
import type { Credentials } from "./credentials.ts";
import type { BmcDriver } from "./driver.ts";
import type { Gate } from "./gate.ts";
import { RedfishClient } from "./redfish/client.ts";
import { RedfishDriver } from "./redfish/driver.ts";
import type { TlsPolicy } from "./tls.ts";

export interface OpenDeps {
  readonly clock: Clock;
  readonly gate: Gate;
  /**
   * The gate's question once more, in the moment that the bytes go out: a connection may have taken
   * its time, or the process may have been stopped since the gate was passed. Default: yes.
   */
  readonly mayAsk?: () => boolean;
  readonly userAgent?: string;
}

/**
 * The driver for `spec.bmc.address`: the only place that knows all protocols. Nothing is contacted.
 * Throws BmcAddressInvalid, or BmcUnsupported for a protocol that is not there yet.
 */
export function openBmc(
  address: string,
  credentials: Credentials,
  tls: TlsPolicy,
  deps: OpenDeps,
): BmcDriver {
  const parsed = parseBmcAddress(address);
  switch (parsed.protocol) {
    case "redfish":
      return new RedfishDriver(new RedfishClient(parsed, credentials, tls, deps));
    case "ipmi":
      throw new Failure("BmcUnsupported", "ipmi:// comes with a later version; use redfish://");
  }
}
