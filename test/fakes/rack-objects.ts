/** Objects for this module's tests: a case names only what differs. */
import type { Machine, MachineSpec, MachineStatus } from "#api/machine.ts";
import type { MachineTask, MachineTaskSpec, MachineTaskStatus } from "#api/machine-task.ts";
import { taskName } from "#api/machine-task.ts";

export const MAC = "52:54:00:00:00:01";
export const MACHINE_UID = "aaaaaaaa-0000-0000-0000-000000000001";
export const DIGEST = `sha256:${"0".repeat(64)}`;

interface MachineDifference {
  readonly name?: string;
  readonly uid?: string;
  readonly paused?: boolean;
  readonly deleting?: boolean;
  readonly macAddresses?: string[];
  readonly mode?: MachineSpec["boot"]["mode"];
  readonly status?: MachineStatus;
}

export function machine(difference: MachineDifference = {}): Machine {
  const { name = "m1", uid = MACHINE_UID, deleting = false, macAddresses = [MAC] } = difference;
  const spec: MachineSpec = {
    zoneRef: { name: "a" },
    bmc: { address: "redfish://127.0.0.1", credentialsRef: { name: "bmc" } },
    boot: { macAddresses, mode: difference.mode ?? "UEFI", method: "Auto" },
    mode: "Active",
    paused: difference.paused ?? false,
    protected: false,
    adoption: "Refuse",
    deletionPolicy: "Orphan",
  };
  return {
    metadata: {
      name,
      namespace: "lab",
      uid,
      resourceVersion: "1",
      ...(deleting && { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    },
    spec,
    ...(difference.status !== undefined && { status: difference.status }),
  };
}

interface TaskDifference
  extends Partial<Pick<MachineTaskSpec, "type" | "zone" | "epoch" | "attempt" | "expect">> {
  readonly uid?: string;
  readonly state?: MachineTaskStatus["state"];
  readonly status?: MachineTaskStatus;
  readonly readiness?: "PhoneHome" | "AgentDone";
  readonly seedSecret?: string;
  readonly kernelArgs?: string[];
}

export function task(difference: TaskDifference = {}): MachineTask {
  const { type = "Commission", zone = "a", epoch = 1, attempt = 1, state, expect } = difference;
  const spec: MachineTaskSpec = {
    machineRef: { name: "m1", uid: difference.uid ?? MACHINE_UID },
    zone,
    type,
    epoch,
    attempt,
    macAddresses: [MAC],
    bootDeadline: "600s",
    runDeadline: "3600s",
    ...(expect !== undefined && { expect }),
    ...(type === "Deploy" && { deploy: deployPlan(difference) }),
    ...(type === "Erase" && { erase: { method: "Full" } }),
  };
  const status = { ...(state !== undefined && { state }), ...difference.status };
  const name = taskName(spec);
  return {
    metadata: { name, namespace: "lab", uid: `uid-of-${name}`, resourceVersion: "1" },
    spec,
    status,
  };
}

const deployPlan = ({
  readiness = "PhoneHome",
  seedSecret,
  kernelArgs,
}: TaskDifference): NonNullable<MachineTaskSpec["deploy"]> => ({
  image: "debian-12",
  artifact: {
    architecture: "amd64",
    format: "raw",
    compression: "zstd",
    url: "http://127.0.0.1:1/os.raw.zst",
    digest: DIGEST,
    sectorSize: 512,
  },
  readiness,
  hostname: "m1",
  ...(seedSecret !== undefined && { seedSecret }),
  ...(kernelArgs !== undefined && { kernelArgs }),
});
