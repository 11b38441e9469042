import type { HostIdentity } from "#agent/hardware.ts";
import { filled } from "#agent/inventory/dmi.ts";
import { parseMac } from "#base/mac.ts";
import { parseSystemUuid } from "#base/system-uuid.ts";
import { attribute, names } from "./sysfs.ts";

const NET = "/sys/class/net";
const DMI = "/sys/class/dmi/id";

/** A network port of the machine itself: one with hardware behind it. */
export interface Port {
  readonly name: string;
  readonly mac: string;
}

export async function ports(): Promise<readonly Port[]> {
  const all = await Promise.all((await names(NET)).map(port));
  return all.filter((found) => found !== null);
}

async function port(name: string): Promise<Port | null> {
  const behind = await names(`${NET}/${name}/device`);
  const mac = parseMac((await attribute(`${NET}/${name}/address`)) ?? "");
  return behind.length === 0 || mac === null ? null : { name, mac };
}

export async function identity(): Promise<HostIdentity> {
  const [uuid, serial, found] = await Promise.all([
    attribute(`${DMI}/product_uuid`),
    attribute(`${DMI}/product_serial`),
    ports(),
  ]);
  const systemUUID = parseSystemUuid(uuid ?? "");
  const known = filled(serial);
  return {
    macAddresses: found.map(({ mac }) => mac),
    ...(systemUUID === null ? {} : { systemUUID }),
    ...(known === undefined ? {} : { serial: known }),
  };
}
