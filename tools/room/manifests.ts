/** The objects of a simulated data centre: what a person would have in Git. */
import { API_VERSION } from "#api/group.ts";
import type { MachineSpec } from "#api/machine.ts";
import type { ZoneSpec } from "#api/zone.ts";
import type { MachineConfig } from "#sim/fleet.ts";

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

export const NAMESPACE = "machines";
export const BMC_SECRET = "bmc-credentials";

export const bmcSecret = (account: { username: string; password: string }): Manifest => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: BMC_SECRET, namespace: NAMESPACE },
  type: "kubernetes.io/basic-auth",
  stringData: account,
});

export const zone = (name: string, spec: DeepPartial<ZoneSpec>): Manifest => ({
  apiVersion: API_VERSION,
  kind: "Zone",
  metadata: { name },
  spec,
});

type DeepPartial<T> = T extends readonly (infer I)[]
  ? DeepPartial<I>[]
  : T extends object
    ? { [K in keyof T]?: DeepPartial<T[K]> | undefined }
    : T;

export interface ImageFile {
  readonly name: string;
  readonly url: string;
  readonly digest: string;
  readonly compression: "none" | "zstd";
  readonly sizeBytes: number;
}

export const osImage = ({ name, ...artifact }: ImageFile): Manifest => ({
  apiVersion: API_VERSION,
  kind: "OSImage",
  metadata: { name },
  spec: {
    os: { name: "debian", version: "12" },
    artifacts: [{ architecture: "amd64", format: "raw", ...artifact }],
  },
});

/** The Machine for a simulated server. */
export function machine(
  { name, endpoint, board }: Pick<MachineConfig, "name" | "endpoint" | "board">,
  zoneName: string,
  more: DeepPartial<MachineSpec> = {},
): Manifest {
  return {
    apiVersion: API_VERSION,
    kind: "Machine",
    metadata: { name, namespace: NAMESPACE },
    spec: {
      zoneRef: { name: zoneName },
      location: { rack: `${zoneName}-r${Math.ceil(Number(name.slice(-4)) / 20)}` },
      bmc: {
        address: `redfish://${endpoint.host}:${endpoint.port}`,
        credentialsRef: { name: BMC_SECRET },
      },
      boot: { macAddresses: [...board.macs] },
      ...more,
    },
  };
}
