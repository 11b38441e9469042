/** What tenants do in scenarios: their claims, and the namespaces that these are in. */
import { API_VERSION, KINDS } from "#api/group.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import { systemClock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { findCondition } from "#kube/conditions.ts";
import { applyManifest } from "../../tools/room/objects.ts";
import type { Scene } from "./scene.ts";

const ROUNDS = 900;

/** Lets the zone of the scene take claims of those namespaces. */
export async function admit(s: Scene, ...names: readonly string[]): Promise<void> {
  const spec = { claimNamespaces: { names } };
  await s.client.mergePatch(KINDS.zone, { name: s.zone }, { spec }, {}, s.signal);
}

/** Makes a claim; `spec` says more than that it is for that machine and for the room's image. */
export async function claim(
  s: Scene,
  { namespace, name }: Place,
  machine: string,
  spec: object = {},
): Promise<void> {
  const machineRef = { namespace: "machines", name: machine };
  const deploy = { imageRef: { name: s.room.image.name } };
  const manifest = {
    apiVersion: API_VERSION,
    kind: "MachineClaim",
    metadata: { namespace, name },
    spec: { machineRef, deploy, ...spec },
  };
  await applyManifest(s.room.cluster, manifest, s.signal);
}

interface Place {
  readonly namespace: string;
  readonly name: string;
}

export const claimAt = (s: Scene, at: Place): Promise<MachineClaim | null> =>
  s.client.get<MachineClaim>(KINDS.machineClaim, at, s.signal);

/** Looks at a claim until it holds; `null`: it is not there. */
export async function untilClaim(
  s: Scene,
  at: Place,
  what: string,
  holds: (claim: MachineClaim | null) => boolean,
): Promise<MachineClaim | null> {
  let seen = await claimAt(s, at);
  for (let round = 0; round < ROUNDS && !holds(seen); round++) {
    await systemClock.sleep(seconds(0.1), s.signal);
    seen = await claimAt(s, at);
  }
  if (holds(seen)) return seen;
  throw new Error(`not within a while: ${at.name} ${what}: ${JSON.stringify(seen?.status)}`);
}

export const isReady = (claim: MachineClaim | null): boolean =>
  findCondition(claim?.status?.conditions, "Ready")?.status === "True";

/**
 * As `kubectl patch --type=merge` and then `kubectl delete`, by somebody in a hurry. The operator is
 * held meanwhile, or it would give the finalizer back before the deletion, which then is an order.
 */
export async function deleteByForce(s: Scene, at: Place): Promise<void> {
  s.room.operator.kill("SIGSTOP");
  const patch = { metadata: { finalizers: [] } };
  await s.client.mergePatch(KINDS.machineClaim, at, patch, {}, s.signal);
  await s.client.delete(KINDS.machineClaim, at, {}, s.signal);
  s.room.operator.kill("SIGCONT");
}
