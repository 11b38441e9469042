import type { Condition } from "#api/condition.ts";
import type { Machine, MachineStatus } from "#api/machine.ts";
import type { FailureReason } from "#base/failure.ts";
import { findCondition, isTrue, setConditions, standing } from "#kube/conditions.ts";
import type { EventText } from "#kube/events.ts";
import type { Nonce } from "#lifecycle/facts.ts";
import type { Plan } from "#lifecycle/plan.ts";
import { LIFECYCLE, type Phase } from "#lifecycle/table.ts";

/** Phases whose beginning is worth an Event; what lies between is told by the MachineTasks. */
const TOLD: Partial<Record<Phase, (status: MachineStatus) => string>> = {
  Ready: ({ hardware, lastErase }) => {
    const { cpus = "?", memoryMiB = 0, disks = "?", diskGiB = "?" } = hardware ?? {};
    const erased =
      lastErase === undefined ? "" : ` Erased (${lastErase.method}) by ${lastErase.task}.`;
    return `${cpus} CPUs, ${Math.round(memoryMiB / 1_024)} GiB of memory, ${disks} disks with ${diskGiB} GiB.${erased}`;
  },
  Deployed: ({ image, addresses }) =>
    `${image ?? "What was there"} runs${addresses?.[0] ? ` at ${addresses[0].ip}` : ""}.`,
  Testing: () =>
    "The agent looks at the hardware and reports its inventory. Tests under load are not built yet.",
  Rescue: () => "The agent is booted and waits. Its shell for people is not built yet.",
  Releasing: () => "Its release was ordered: its disks are being erased.",
  Broken: () => "Set aside. Repair it, then change spec.nonces.retry.",
};

/** Tells in Events what has changed: a phase that people wait for, or why nothing moves. */
export function tell(
  machine: Machine,
  status: MachineStatus,
  event: (machine: Machine, event: EventText) => void,
): void {
  const { phase } = status;
  const line = phase === undefined || phase === machine.status?.phase ? undefined : TOLD[phase];
  if (line !== undefined && phase !== undefined) {
    event(machine, {
      type: phase === "Broken" ? "Warning" : "Normal",
      reason: phase,
      message: line(status),
    });
  }
  const before = stallOf(machine.status);
  const now = stallOf(status);
  if (now === undefined || now.reason === before?.reason) return;
  event(machine, { type: "Warning", reason: now.reason, message: readyOf(status)?.message ?? "" });
}

/** Tells of nonces of which nothing came: they are written down as answered, and do not go off later. */
export function tellIgnored(
  machine: Machine,
  { ignored, phase }: Plan,
  event: (machine: Machine, event: EventText) => void,
): void {
  for (const nonce of ignored) {
    const message = `spec.nonces.${nonce} was changed, and nothing was done: ${whyIgnored(nonce, phase)}. Change it again when it applies.`;
    event(machine, { type: "Warning", reason: "NonceIgnored", message });
  }
}

function whyIgnored(nonce: Nonce, phase: Phase): string {
  if (nonce === "reboot" && LIFECYCLE[phase].does === "power") {
    return "the machine is off, or is to be";
  }
  if (nonce === "deploy" && phase === "Deployed") {
    return "what is on its disks was adopted, and is given up by spec.adoption: Wipe alone";
  }
  return `a machine that is ${phase} does not answer to it`;
}

const stallOf = (status: MachineStatus | undefined): Condition | undefined =>
  isTrue(status?.conditions, "Stalled") ? findCondition(status?.conditions, "Stalled") : undefined;
const readyOf = (status: MachineStatus): Condition | undefined =>
  findCondition(status.conditions, "Ready");

/** The same status, stalled for that reason. */
export function withTrouble(
  status: MachineStatus,
  { reason, message }: { readonly reason: FailureReason; readonly message: string },
  now: number,
): MachineStatus {
  const wishes = standing({ stalled: true, reason, message });
  return { ...status, conditions: [...setConditions(status.conditions, wishes, now)] };
}
