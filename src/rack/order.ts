import type { Order } from "#api/agent.ts";
import { PLAIN_PATHS } from "#api/agent.ts";
import type { MachineTask } from "#api/machine-task.ts";

/** What the agent is told to do. Only for who was granted the task. */
export function orderFor(
  { metadata, spec }: MachineTask,
  { session, rackUrl }: { readonly session: string; readonly rackUrl: string },
): Order {
  const { deploy, erase } = spec;
  return {
    task: metadata.name,
    type: spec.type,
    machine: spec.machineRef.name,
    session,
    ...(erase !== undefined && { erase }),
    ...(deploy !== undefined && {
      deploy,
      imageUrl: `${rackUrl}${PLAIN_PATHS.images}${deploy.artifact.digest}`,
    }),
  };
}
