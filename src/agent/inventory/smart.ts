import type { InventoryDisk } from "#api/machine-inventory.ts";

type Smart = NonNullable<InventoryDisk["smart"]>;

interface SmartctlJson {
  readonly smart_status?: { readonly passed?: boolean };
  readonly temperature?: { readonly current?: number };
  readonly power_on_time?: { readonly hours?: number };
}

/**
 * Reads what `smartctl --json` prints; `undefined` if the drive says nothing of itself. The exit
 * code of smartctl is a set of flags, of which most are no errors.
 */
export function parseSmartctl(text: string): Smart | undefined {
  let found: SmartctlJson;
  try {
    found = JSON.parse(text) as SmartctlJson;
  } catch {
    return undefined;
  }
  const healthy = found.smart_status?.passed;
  const temperatureC = found.temperature?.current;
  const powerOnHours = found.power_on_time?.hours;
  const smart: Smart = {
    ...(typeof healthy === "boolean" ? { healthy } : {}),
    ...(Number.isSafeInteger(temperatureC) ? { temperatureC } : {}),
    ...(Number.isSafeInteger(powerOnHours) ? { powerOnHours } : {}),
  };
  return Object.keys(smart).length === 0 ? undefined : smart;
}
