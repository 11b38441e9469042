import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

/**
 * Why no virtual machine can be booted here; `null` if one can. In CI that is a failure, never a
 * reason to skip.
 */
export function cannotBoot(): string | null {
  const why = missing();
  if (why === null) return null;
  if (process.env["CI"]) throw new Error(`in CI the virtual machines must run, but: ${why}`);
  console.warn(`\n!!! SKIPPED: NO REAL FIRMWARE IS BOOTED, because ${why} !!!\n`);
  return why;
}

function missing(): string | null {
  if (process.getuid?.() !== 0) return "this is not root";
  if (spawnSync("qemu-system-x86_64", ["--version"]).status !== 0) {
    return "there is no qemu-system-x86_64";
  }
  return existsSync("/usr/share/OVMF") ? null : "there is no UEFI firmware (package ovmf)";
}
