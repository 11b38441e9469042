import { KERNEL_ARGS } from "./wire.ts";

/** What the rack wrote on the kernel's command line. */
export interface BootParameters {
  /** Base URL over plain HTTP, without a slash at its end. */
  readonly rackUrl: string;
  /** `host:port` of the API over TLS. */
  readonly api: string;
  /** SHA-256 of the zone CA's DER, in lower case hex. */
  readonly caSha256: string;
  readonly token: string;
  /** Nobody has named this machine: somebody's system may be on its disks, and was running. */
  readonly isStranger: boolean;
}

/** Reads them from a kernel's command line; `null` if one is missing or no rack wrote it. */
export function readBootParameters(commandLine: string): BootParameters | null {
  const values = new Map<string, string>();
  for (const word of commandLine.trim().split(/\s+/)) {
    const equals = word.indexOf("=");
    if (equals > 0) values.set(word.slice(0, equals), word.slice(equals + 1));
  }
  const rackUrl = values.get(KERNEL_ARGS.rack)?.replace(/\/+$/, "") ?? "";
  const api = values.get(KERNEL_ARGS.api) ?? "";
  const caSha256 =
    values
      .get(KERNEL_ARGS.ca)
      ?.replace(/^sha256:/, "")
      .toLowerCase() ?? "";
  const token = values.get(KERNEL_ARGS.token) ?? "";
  const isStranger = values.get(KERNEL_ARGS.stranger) === "yes";
  const fine = /^http:\/\/./.test(rackUrl) && /^.+:\d+$/.test(api);
  return fine && /^[0-9a-f]{64}$/.test(caSha256) && token !== ""
    ? { rackUrl, api, caSha256, token, isStranger }
    : null;
}
