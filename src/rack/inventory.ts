import { isDeepStrictEqual } from "node:util";
import { API_VERSION, KINDS } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import type { Inventory, MachineInventory } from "#api/machine-inventory.ts";
import type { KubeClient } from "#kube/client.ts";

const KIND = KINDS.machineInventory;

/** The object that says what was found in a machine; it goes when its Machine goes. */
export function inventoryOf({ metadata, spec }: Machine, inventory: Inventory) {
  const { name, namespace, uid } = metadata;
  return {
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ownerReferences: [{ apiVersion: API_VERSION, kind: KINDS.machine.kind, name, uid }],
    },
    spec: { ...inventory, zone: spec.zoneRef.name, machineRef: { name, uid } },
  };
}

/** One write at most: none where nothing but the time has changed. */
export async function storeInventory(
  machine: Machine,
  inventory: Inventory,
  client: KubeClient,
  signal: AbortSignal,
): Promise<"Created" | "Changed" | "Same"> {
  const wanted = inventoryOf(machine, inventory);
  if ((await client.create<MachineInventory>(KIND, wanted, signal)) !== null) return "Created";
  const stored = await client.get<MachineInventory>(KIND, wanted.metadata, signal);
  if (stored === null) return storeInventory(machine, inventory, client, signal);
  if (isSame(stored, wanted)) return "Same";
  const metadata = { ...stored.metadata, ownerReferences: wanted.metadata.ownerReferences };
  await client.replace(KIND, { ...stored, metadata, spec: wanted.spec }, {}, signal);
  return "Changed";
}

function isSame(a: Pick<MachineInventory, "spec">, b: Pick<MachineInventory, "spec">): boolean {
  const { collectedAt: _, ...left } = a.spec;
  const { collectedAt: __, ...right } = b.spec;
  return isDeepStrictEqual(left, right);
}
