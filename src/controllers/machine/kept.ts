import type { MachineTask } from "#api/machine-task.ts";
import { withoutManagedFields } from "#kube/cache.ts";
import { hasEnded } from "./evidence.ts";

/**
 * What the operator keeps of a task in its cache. Most have ended, and of those nobody asks any more
 * who was to boot, or what was done step by step: half of their memory.
 */
export function keptOf(task: MachineTask): MachineTask {
  const whole = withoutManagedFields(task);
  const { metadata, spec, status } = whole;
  if (status === undefined || !hasEnded(task)) return whole;
  const { ownerReferences: _, ...head } = metadata;
  const { expect: __, ...asked } = spec;
  const { steps: ___, logTail: ____, ...told } = status;
  return { metadata: head, spec: { ...asked, macAddresses: NONE }, status: told };
}

const NONE: string[] = []; // one for all
