import type { BlockDevice, Hardware } from "#agent/hardware.ts";
import { Progress } from "#agent/progress.ts";
import type { Outcome, TaskContext } from "#agent/task/context.ts";
import { runTask } from "#agent/task/run.ts";
import type { Order, Seed } from "#api/agent.ts";
import type { InventoryDisk } from "#api/machine-inventory.ts";
import { systemClock } from "#base/clock.ts";
import { MemoryDisk } from "#sim/memory-disk.ts";
import { inventory } from "./inventory.ts";

const GIB = 2 ** 30;

/** A disk by what is special about it, and what it does instead of what it should. */
export type Special = Partial<InventoryDisk> & { readonly faults?: Partial<BlockDevice> };

/** A machine with disks of all kinds, full of data, on which a test runs one task. */
export class TaskMachine {
  /** What was opened, for what, e.g. "sda Write". */
  readonly opened: string[] = [];
  /** The disks that were written to, or tried to be. */
  readonly changed = new Set<string>();
  readonly seed: Seed = { "meta-data": "{}", "user-data": "#cloud-config\n", "vendor-data": "" };
  readonly #found: readonly InventoryDisk[];
  readonly #disks: ReadonlyMap<string, MemoryDisk>;

  /** @param disks by the kernel's name; the serial of sda is S-sda */
  constructor(disks: Readonly<Record<string, Special>>) {
    this.#found = Object.entries(disks).map(([name, { faults: _, ...special }]) => ({
      ...{ name, serial: `S-${name}`, sizeBytes: 4 * GIB, remote: false, blank: false },
      ...special,
    }));
    const made = this.#found.map(({ name, sizeBytes }) => {
      const changing = (): void => void this.changed.add(name);
      const disk = new MemoryDisk({ sizeBytes, sectorSize: 512, used: true, changing });
      return [name, Object.assign(disk, disks[name]?.faults)] as const;
    });
    this.#disks = new Map(made);
  }

  /** Its bytes, from outside. */
  peek(name: string, position: number, length: number): Buffer | undefined {
    return this.#disks.get(name)?.peek(position, length);
  }

  run(order: Omit<Order, "session" | "task" | "machine">): Promise<Outcome> {
    const whole = { session: "s", task: "m1-1", machine: "m1", ...order };
    return runTask(whole, this.#context(), new AbortController().signal);
  }

  #context(): TaskContext {
    return {
      hardware: this.#hardware(),
      progress: new Progress(systemClock, () => {}),
      rack: { inventory: async () => {}, seed: async () => this.seed },
      clock: systemClock,
      random: () => 0,
      log: () => {},
    };
  }

  #hardware(): Hardware {
    return {
      setClock: async () => {},
      identity: async () => ({ macAddresses: [] }),
      inventory: async () => inventory({ disks: [...this.#found] }),
      disks: async () => this.#found,
      openDisk: async ({ name }, { kind }) => {
        this.opened.push(`${name} ${kind}`);
        const disk = this.#disks.get(name);
        if (disk === undefined) throw new Error(`no disk ${name}`);
        return disk;
      },
      bootFirst: async () => true,
    };
  }
}
