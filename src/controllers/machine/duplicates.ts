import type { Machine } from "#api/machine.ts";
import { readRecord } from "#api/record.ts";
import type { FailureReason } from "#base/failure.ts";
import { parseMac } from "#base/mac.ts";
import { keyOf } from "#base/object.ts";
import type { Trouble } from "./gather.ts";

/** What makes a machine that machine; two objects that share one are both left alone. */
export const MARKS = {
  mac: {
    reason: "DuplicateMac",
    what: "the MAC address",
    of: ({ spec }) => spec.boot.macAddresses.map((mac) => parseMac(mac) ?? mac),
  },
  bmc: {
    reason: "DuplicateBmc",
    what: "the BMC",
    of: ({ spec }) => [endpoint(spec.bmc.address)],
  },
  uuid: {
    reason: "DuplicateIdentity",
    what: "the system UUID",
    of: ({ status }) =>
      status?.identity?.systemUUID === undefined ? [] : [status.identity.systemUUID],
  },
  address: {
    reason: "DuplicateAddress",
    what: "the IP address",
    // With its status lost it gets back what is recorded: nobody else may be given that meanwhile.
    of: (machine) =>
      (machine.status?.addresses ?? readRecord(machine)?.addresses ?? []).map(({ ip }) => ip),
  },
} as const satisfies Record<
  string,
  {
    readonly reason: FailureReason;
    readonly what: string;
    /** Also the function of the cache's index of that name. */
    readonly of: (machine: Machine) => readonly string[];
  }
>;

export type Mark = keyof typeof MARKS;

/** A BMC's address without what does not tell BMCs apart: case, default ports, a slash at the end. */
export const endpoint = (address: string): string =>
  address
    .toLowerCase()
    .replace(/^redfish:\/\/([^/]*):443(?=\/|$)/, "redfish://$1")
    .replace(/\/+$/, "");

/** The first mark that another Machine bears too; `shared` finds who bears it. */
export function duplicateOf(
  machine: Machine,
  shared: (mark: Mark, value: string) => readonly Machine[],
): Trouble | null {
  const { uid } = machine.metadata;
  for (const [mark, { reason, what, of }] of Object.entries(MARKS)) {
    for (const value of of(machine)) {
      const other = shared(mark as Mark, value).find((one) => one.metadata.uid !== uid);
      if (other === undefined) continue;
      const name = keyOf(other.metadata);
      return {
        reason,
        message: `Machine ${name} has ${what} ${value} too. Neither is touched: correct one.`,
      };
    }
  }
  return null;
}
