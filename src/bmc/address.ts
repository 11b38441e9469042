import { Failure } from "#base/failure.ts";

/** Where a BMC is, read from `spec.bmc.address`. */
export interface BmcAddress {
  readonly protocol: "redfish" | "ipmi";
  /** A name, an IPv4 address, or an IPv6 address in brackets. */
  readonly host: string;
  readonly port: number;
  /** The ComputerSystem where one is named, without a slash at the end. */
  readonly systemPath: string | null;
}

const FORM = /^(redfish|ipmi):\/\/([^/?#@\s]+)(\/[^?#\s]*)?$/;
const PORTS = { redfish: 443, ipmi: 623 } as const;
const SYSTEM = /^\/redfish\/v1\/Systems\/[^/]+$/;

/** Rejects with BmcAddressInvalid; the message says what is wrong. */
export function parseBmcAddress(text: string): BmcAddress {
  const [, scheme, authority = "", rawPath = ""] = FORM.exec(text) ?? [];
  if (scheme !== "redfish" && scheme !== "ipmi") throw invalid(text, "is no BMC address");
  const url = URL.parse(`https://${authority}`);
  if (url === null) throw invalid(text, `"${authority}" is no host with an optional port`);
  return {
    protocol: scheme,
    host: url.hostname,
    port: portOf(authority, PORTS[scheme]),
    systemPath: systemPathOf(text, rawPath.replace(/\/+$/, "")),
  };
}

/** URL drops a port that is the scheme's default, so it is read from the text. */
const portOf = (authority: string, usual: number): number => {
  const [, port] = /:(\d+)$/.exec(authority) ?? [];
  return port === undefined ? usual : Number(port);
};

function systemPathOf(text: string, path: string): string | null {
  if (path === "" || path === "/redfish/v1" || path === "/redfish/v1/Systems") return null;
  if (!SYSTEM.test(path)) throw invalid(text, `${path} is no /redfish/v1/Systems/ID`);
  return path;
}

const invalid = (text: string, why: string): Failure =>
  new Failure("BmcAddressInvalid", `${text}: ${why}`);
