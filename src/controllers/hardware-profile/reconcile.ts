import type { HardwareProfile, HardwareProfileStatus } from "#api/hardware-profile.ts";
import type { Machine } from "#api/machine.ts";
import { setConditions, standing } from "#kube/conditions.ts";
import type { Requeue } from "#kube/controller.ts";

/** What the profiles' controller needs of the outside world. */
export interface ProfileDeps {
  readonly now: () => number;
  readonly get: (name: string) => HardwareProfile | undefined;
  readonly machines: () => Iterable<Machine>;
  readonly writeStatus: (
    profile: HardwareProfile,
    status: HardwareProfileStatus,
    signal: AbortSignal,
  ) => Promise<HardwareProfile>;
}

/** Says that the profile was seen, or GitOps tools would wait for it, and how many machines have it. */
export async function reconcileProfile(
  name: string,
  deps: ProfileDeps,
  signal: AbortSignal,
): Promise<Requeue> {
  const profile = deps.get(name);
  if (profile === undefined) return { after: null };
  await deps.writeStatus(profile, profileStatus(profile, deps.machines(), deps.now()), signal);
  return { after: null };
}

/** The profile's status; nothing in it changes by itself. */
export function profileStatus(
  profile: HardwareProfile,
  machines: Iterable<Machine>,
  now: number,
): HardwareProfileStatus {
  let count = 0;
  for (const machine of machines) if (hasProfile(machine, profile)) count += 1;
  const message = `${count} Machines name it, or are of its model.`;
  const wishes = standing({ ready: true, reason: "Usable", message });
  return {
    observedGeneration: profile.metadata.generation ?? 0,
    machines: count,
    conditions: [...setConditions(profile.status?.conditions, wishes, now)],
  };
}

/** The Machine names the profile, or names none and is what the profile matches. */
export function hasProfile(
  { spec, status }: Machine,
  { metadata, spec: { match } }: HardwareProfile,
): boolean {
  if (spec.profileRef !== undefined) return spec.profileRef.name === metadata.name;
  if (match === undefined) return false;
  const { manufacturer, model } = status?.hardware ?? {};
  return isLike(match.vendor, manufacturer) && isLike(match.model, model);
}

/** In any case; what is not asked for is all right, what is not known is not. */
const isLike = (asked: string | undefined, is: string | undefined): boolean =>
  asked === undefined || asked.toLowerCase() === is?.toLowerCase();
