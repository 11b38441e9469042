import type { HardwareProfile, HardwareProfileStatus } from "#api/hardware-profile.ts";
import type { Machine } from "#api/machine.ts";
import { setConditions, standing } from "#kube/conditions.ts";
import type { Requeue } from "#kube/controller.ts";

/** What the profiles' controller needs of the outside world. */
export interface ProfileDeps {
  readonly now: () => number;
  readonly get: (name: string) => HardwareProfile | undefined;
  readonly all: () => Iterable<HardwareProfile>;
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
  const all = [...deps.all()];
  const status = profileStatus(profile, all, deps.machines(), deps.now());
  await deps.writeStatus(profile, status, signal);
  return { after: null };
}

/** The profile's status, among `all` that there are; nothing in it changes by itself. */
export function profileStatus(
  profile: HardwareProfile,
  all: readonly HardwareProfile[],
  machines: Iterable<Machine>,
  now: number,
): HardwareProfileStatus {
  let count = 0;
  for (const machine of machines) {
    if (!hasProfile(machine, profile)) continue;
    if (profileOf(machine, all)?.metadata.name === profile.metadata.name) count += 1;
  }
  const message = `${count} Machines name it, or are of its model.`;
  const wishes = standing({ ready: true, reason: "Usable", message });
  return {
    observedGeneration: profile.metadata.generation ?? 0,
    machines: count,
    conditions: [...setConditions(profile.status?.conditions, wishes, now)],
  };
}

/** The profile of a Machine; of several that match it, the first by name, wherever it is asked. */
export function profileOf(
  machine: Machine,
  profiles: Iterable<HardwareProfile>,
): HardwareProfile | undefined {
  let first: HardwareProfile | undefined;
  for (const one of profiles) {
    if (!hasProfile(machine, one)) continue;
    if (first === undefined || one.metadata.name < first.metadata.name) first = one;
  }
  return first;
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
