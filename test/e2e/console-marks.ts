import { setTimeout } from "node:timers/promises";
import type { LabVm } from "../../tools/vm-lab/vm.ts";
import type { Timeline } from "./timeline.ts";

/** What is worth a line in the timeline. */
const MARKS = [
  /BdsDxe: starting/,
  />>Start (PXE|HTTP)/,
  /iPXE initialising/,
  /Welcome to GRUB/,
  /Linux version/,
  /steelyard: .* at/,
  /^AGENT /,
  /Welcome to .*Debian/,
  /cloud-init.* (running|finished)/i,
  /login:/,
];

/** Notes the power of a machine and the marks on its console. */
export function followConsole({ machine, console }: LabVm, timeline: Timeline): AsyncDisposable {
  const start = Date.now(); // the console was opened just now
  const stop = new AbortController();
  let [power, next] = [machine.power, 0];
  const look = (): void => {
    if (machine.power !== power) timeline.note(`VM power ${machine.power}`);
    power = machine.power;
    for (; next < console.lines.length; next++) {
      const { at = 0, text = "" } = console.lines[next] ?? {};
      if (MARKS.some((mark) => mark.test(text))) timeline.note(`| ${text.trim()}`, start + at);
    }
  };
  const looking = (async () => {
    while (!stop.signal.aborted) {
      look();
      await setTimeout(20, undefined, { signal: stop.signal }).catch(() => {});
    }
  })();
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await looking;
    },
  };
}
