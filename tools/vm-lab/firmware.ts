import { existsSync } from "node:fs";

export interface Firmware {
  readonly code: string;
  /** The variables of a board that just left the factory; to be copied. */
  readonly vars: string;
}

/** Where distributions put OVMF, newest layout first. */
const PLACES: readonly Firmware[] = [
  { code: "/usr/share/OVMF/OVMF_CODE_4M.fd", vars: "/usr/share/OVMF/OVMF_VARS_4M.fd" },
  { code: "/usr/share/OVMF/OVMF_CODE.fd", vars: "/usr/share/OVMF/OVMF_VARS.fd" },
];

/** UEFI firmware for virtual machines. */
export function ovmf(): Firmware {
  const found = PLACES.find(({ code }) => existsSync(code));
  if (found === undefined) throw new Error("no UEFI firmware: install the package ovmf");
  return found;
}
