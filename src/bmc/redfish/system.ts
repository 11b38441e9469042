/** Decisions about a ComputerSystem: what it says, and what to ask of it. Pure. */
import { dmiText } from "#base/dmi-text.ts";
import { Failure } from "#base/failure.ts";
import { parseSystemUuid } from "#base/system-uuid.ts";
import type { BmcObservation, BootTarget, FirmwareMode, PowerState } from "#bmc/driver.ts";
import type { Boot, ComputerSystem } from "./schema.ts";

export type Identity = Omit<BmcObservation, "power" | "fingerprint">;

export const powerOf = ({ PowerState: said }: ComputerSystem): PowerState => {
  if (said === "On") return "on";
  return said === "Off" ? "off" : "unknown";
};

export const identityOf = (system: ComputerSystem): Identity => ({
  systemUuid: parseSystemUuid(system.UUID ?? ""),
  serial: dmiText(system.SerialNumber),
  manufacturer: dmiText(system.Manufacturer),
  model: dmiText(system.Model),
});

/** The ids of a BMC's systems, for a message: an enclosure may have dozens. */
export const namesOf = (ids: readonly string[]): string => ids.slice(0, 20).join(", ");

/** What a 404 to the path of a system means, by the systems that the BMC lists. */
export function noSystem(path: string, ids: readonly string[]): Failure {
  const what = `GET ${path}: 404`;
  if (ids.some((id) => path.endsWith(`/${id}`))) {
    return new Failure("BmcBusy", `${what}, though the BMC lists that system: it may be starting`);
  }
  const others = ids.length === 0 ? "lists none" : `lists: ${namesOf(ids)}`;
  return new Failure("BmcAddressInvalid", `${what}, the BMC has no such system and ${others}`);
}

/** What to do about a wish: "wait" while the machine is between two states. */
export type Move = "nothing" | "act" | "wait";

export type Wish = "on" | "off" | "restart" | "shutdown";

/** "off" may interrupt what is under way; "on" has to wait for it. */
export const MOVES: Readonly<Record<Wish, (state: string) => Move>> = {
  on: (state) => (({ On: "nothing", PoweringOn: "nothing", Off: "act" }) as const)[state] ?? "wait",
  off: (state) => (({ Off: "nothing", PoweringOff: "nothing" }) as const)[state] ?? "act",
  restart: (state) => (({ On: "act", Off: "nothing" }) as const)[state] ?? "wait",
  shutdown: (state) =>
    (({ On: "act", Off: "nothing", PoweringOff: "nothing" }) as const)[state] ?? "wait",
};

const RESETS = {
  on: ["On", "ForceOn", "PushPowerButton"],
  off: ["ForceOff"],
  restart: ["ForceRestart", "PowerCycle"],
  shutdown: ["GracefulShutdown", "PushPowerButton"], // the button asks the system of a machine that is on
} as const satisfies Record<Wish, readonly string[]>;

/** The ResetType to send; `undefined` if the BMC offers none. `null`: it does not say what it offers. */
export const resetType = (want: Wish, offered: readonly string[] | null): string | undefined =>
  RESETS[want].find((type) => offered?.includes(type) ?? true);

const TARGETS: Readonly<Record<BootTarget, string>> = {
  disk: "Hdd",
  network: "Pxe",
  http: "UefiHttp",
};

export interface Override {
  readonly BootSourceOverrideEnabled: "Once";
  readonly BootSourceOverrideTarget: string;
  readonly BootSourceOverrideMode?: FirmwareMode;
}

/**
 * All three together where the mode is reported at all: some fall back to Legacy without it, and
 * those that do not report it refuse it. `undefined` if the BMC does not offer the target.
 */
export function overrideFor(
  target: BootTarget,
  mode: FirmwareMode,
  boot: Boot,
): Override | undefined {
  const offered = boot["BootSourceOverrideTarget@Redfish.AllowableValues"];
  const BootSourceOverrideTarget = TARGETS[target];
  if (offered?.includes(BootSourceOverrideTarget) === false) return undefined;
  if (target === "http" && mode === "Legacy") return undefined;
  const override = { BootSourceOverrideEnabled: "Once", BootSourceOverrideTarget } as const;
  const saysMode = typeof boot.BootSourceOverrideMode === "string";
  return saysMode ? { ...override, BootSourceOverrideMode: mode } : override;
}

/** Whether the BMC says that it will do just this at the next start. */
export const holds = (override: Override, boot: Boot | null | undefined): boolean =>
  Object.entries(override).every(([name, value]) => boot?.[name] === value);

/**
 * Whether the next start will be as asked, though perhaps not only that one: some BMCs say
 * Continuous whatever they were told (sushy-tools does). The rack answers each boot by itself.
 */
export const willStart = (override: Override, boot: Boot | null | undefined): boolean =>
  holds(override, boot?.BootSourceOverrideEnabled === "Continuous" ? { ...boot, ...ONCE } : boot);

const ONCE = { BootSourceOverrideEnabled: "Once" } as const;

/** Without the mode, for BMCs that report it and let nobody write it; `null` if it must change. */
export function withoutMode(override: Override, boot: Boot): Override | null {
  const { BootSourceOverrideMode: mode, ...rest } = override;
  return mode !== undefined && mode === boot.BootSourceOverrideMode ? rest : null;
}
