import { parseArgs } from "node:util";

export interface DemoOptions {
  /** No virtual machine: needs neither root nor QEMU. */
  readonly sim: boolean;
  /** End when all are Deployed. */
  readonly once: boolean;
  /** Simulated ones, in both zones together. */
  readonly machines: number;
  /** How many times faster than life the simulated ones are. */
  readonly speed: number;
  /** Seconds in which all must be Deployed, with `once`. */
  readonly limit: number;
}

export const USAGE = `npm run demo -- [options]
  --sim         simulated machines only: needs neither root nor QEMU
  --machines N  so many simulated machines, in two zones (24)
  --speed N     so many times faster than life (10)
  --once        end when all are Deployed; fails when that takes too long
  --limit N     how many seconds that is (1800)`;

/** `null`: usage was asked for. Throws for what it does not know. */
export function parseOptions(args: readonly string[]): DemoOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sim: { type: "boolean", default: false },
      once: { type: "boolean", default: false },
      machines: { type: "string", default: "24" },
      speed: { type: "string", default: "10" },
      limit: { type: "string", default: "1800" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  const { sim, once } = values;
  return {
    ...{ sim, once },
    machines: positive("machines", values.machines),
    speed: positive("speed", values.speed),
    limit: positive("limit", values.limit),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value >= 1)) throw new Error(`--${name}: a number from 1 on is expected, not ${text}`);
  return value;
}
