/** What the HardwareProfile of a machine adds to what is deployed on it. Pure. */
import type { HardwareProfile } from "#api/hardware-profile.ts";
import type { Machine } from "#api/machine.ts";
import type { Trouble } from "./gather.ts";
import type { Wanted } from "./wanted.ts";

/** The profile's kernel arguments stand before the deploy's, so that the nearer word counts. */
export function withProfile(
  wanted: Wanted | null,
  profile: HardwareProfile | undefined,
): Wanted | null {
  const added = profile === undefined ? [] : kernelArgsOf(profile);
  if (wanted === null || added.length === 0) return wanted;
  const kernelArgs = [...added, ...(wanted.deploy.kernelArgs ?? [])];
  return { ...wanted, deploy: { ...wanted.deploy, kernelArgs } };
}

/** The kernel takes settings from its command line since Linux 5.8. */
function kernelArgsOf({ spec }: HardwareProfile): readonly string[] {
  const settings = Object.entries(spec.sysctl ?? {}).map(([name, value]) =>
    /\s/.test(value) ? `sysctl.${name}="${value}"` : `sysctl.${name}=${value}`,
  );
  return [...(spec.kernelArgs ?? []), ...settings];
}

/** A profile that is named and not there: what it would add would be missing without a word. */
export function profileTrouble(
  { spec }: Machine,
  profile: HardwareProfile | undefined,
): Trouble | null {
  if (spec.profileRef === undefined || profile !== undefined) return null;
  const { name } = spec.profileRef;
  const message = `There is no HardwareProfile "${name}": apply it, or correct spec.profileRef.`;
  return { reason: "ProfileNotFound", message };
}
