/**
 * The agent: runs in a machine's memory, started by the ramdisk's init once there is a network.
 * Bundled into one file; no package is loaded at run time, for a booting machine that costs seconds.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { type BootParameters, readBootParameters } from "#agent/boot-parameters.ts";
import { linuxHardware } from "#agent/linux/hardware.ts";
import { type Ending, leaving, live } from "#agent/main-loop.ts";
import { systemClock } from "#base/clock.ts";

const log = (line: string): void => {
  const up = readFileSync("/proc/uptime", "utf8").split(" ")[0];
  console.log(`AGENT ${up} ${line}`);
};

/** Bytes that may wait to be written to disks: so that progress is true, and stopping is quick. */
const DIRTY_BYTES = 128 * 1_048_576;

/** At once and without a sync: what must be on a disk was brought there before. */
function leave(how: Ending): void {
  log(how);
  writeFileSync("/proc/sys/kernel/sysrq", "1");
  writeFileSync("/proc/sysrq-trigger", how === "Reboot" ? "b" : "o");
}

async function main(boot: BootParameters): Promise<Ending> {
  try {
    writeFileSync("/proc/sys/vm/dirty_bytes", String(DIRTY_BYTES));
    const deps = { boot, hardware: linuxHardware, clock: systemClock, random: Math.random, log };
    return await live(deps, new AbortController().signal);
  } catch (error) {
    log(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return leaving(boot);
  }
}

const boot = readBootParameters(readFileSync("/proc/cmdline", "utf8"));
if (boot === null) {
  log("no rack on the kernel's command line"); // not a machine that we may power off
  process.exit(2);
}
leave(await main(boot));
