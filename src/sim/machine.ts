import type { Clock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";
import type { Mac } from "#base/mac.ts";
import type { DiskContent, DiskModel, SimulatedDisk } from "./disk.ts";

/** What firmware can start from. "http" is UEFI HTTP boot. */
export type BootDevice = "network" | "http" | "disk";

/** As Redfish names them; the two in between pass by themselves. */
export type BoardPower = "Off" | "PoweringOn" | "On" | "PoweringOff";

export type ResetType =
  | "On"
  | "ForceOff"
  | "GracefulShutdown"
  | "ForceRestart"
  | "GracefulRestart"
  | "PowerCycle"
  | "PushPowerButton";

export interface BootOverride {
  readonly enabled: "Disabled" | "Once" | "Continuous";
  readonly target: BootDevice | null;
  readonly mode: "UEFI" | "Legacy";
}

/** Who the board says that it is. A test may edit it, as a repair in the room would. */
export interface Board {
  readonly uuid: string;
  readonly serial: string;
  readonly manufacturer: string;
  readonly model: string;
  /** NICs in the order in which the firmware tries them. */
  readonly macs: readonly Mac[];
  readonly cpuCores: number;
  readonly memoryGiB: number;
}

/**
 * What drives the electricity: simulated, or a real virtual machine. Each method is done when the
 * board has taken the order, not when it has followed it; orders that do not apply do nothing.
 */
export interface BackEnd extends AsyncDisposable {
  readonly power: BoardPower;
  powerOn(): Promise<void>;
  /** Off, whatever runs. */
  forceOff(): Promise<void>;
  /** A reset of a board that is on. */
  restart(): Promise<void>;
  /** The power button's short press: it asks the operating system. */
  shutDown(): Promise<void>;
}

/**
 * What came of a boot attempt: nothing to boot there, the guest restarted or switched itself off,
 * or it stands still. While an operating system runs, the program has not come to an end.
 */
export type BootOutcome = "nextDevice" | "reboot" | "powerOff" | "halt";

/**
 * Software on a simulated board, from the boot device on: a PXE client and our agent, or whatever
 * is on the disk. `signal` is aborted when the power goes or the board is reset; it may reject then.
 */
export type BootProgram = (
  machine: SimulatedMachine,
  device: BootDevice,
  signal: AbortSignal,
) => Promise<BootOutcome>;

/** What happened to it since the start, for tests that count. */
export interface Counters {
  /** Orders from the BMC by type. */
  readonly resets: Readonly<Partial<Record<ResetType, number>>>;
  readonly powerOns: number;
  readonly boots: Readonly<Partial<Record<BootDevice, number>>>;
  readonly diskWrites: number;
  readonly erases: number;
}

export interface MachineOptions {
  readonly name: string;
  readonly board: Board;
  readonly disks: readonly (DiskModel & { readonly content?: DiskContent })[];
  /** What the firmware tries, in this order, where no override says otherwise. */
  readonly bootOrder: readonly BootDevice[];
  /** How many times faster than life; delays are divided by it. */
  readonly speed: number;
  readonly clock: Clock;
}

/** A board with disks and firmware settings; its {@link BackEnd} gives it power. */
export class SimulatedMachine implements AsyncDisposable {
  readonly name: string;
  board: Board;
  bootOrder: readonly BootDevice[];
  override: BootOverride = { enabled: "Disabled", target: null, mode: "UEFI" };
  readonly #disks: SimulatedDisk[];
  readonly #clock: Clock;
  readonly #speed: number;
  readonly #backEnd: BackEnd;
  readonly #resets: Partial<Record<ResetType, number>> = {};
  readonly #boots: Partial<Record<BootDevice, number>> = {};
  #powerOns = 0;

  constructor(options: MachineOptions, backEnd: (machine: SimulatedMachine) => BackEnd) {
    this.name = options.name;
    this.board = options.board;
    this.bootOrder = options.bootOrder;
    this.#clock = options.clock;
    this.#speed = options.speed;
    const blank: DiskContent = { kind: "blank" };
    this.#disks = options.disks.map((disk) => ({ content: blank, ...disk, writes: 0, erases: 0 }));
    this.#backEnd = backEnd(this);
  }

  get power(): BoardPower {
    return this.#backEnd.power;
  }

  get disks(): readonly SimulatedDisk[] {
    return this.#disks;
  }

  get counters(): Counters {
    return {
      resets: { ...this.#resets },
      powerOns: this.#powerOns,
      boots: { ...this.#boots },
      diskWrites: this.#disks.reduce((sum, disk) => sum + disk.writes, 0),
      erases: this.#disks.reduce((sum, disk) => sum + disk.erases, 0),
    };
  }

  /** Lets life's time pass, at this machine's speed. */
  wait(time: Duration, signal: AbortSignal): Promise<void> {
    return this.#clock.sleep((time / this.#speed) as Duration, signal);
  }

  /** An order of the BMC. */
  async reset(type: ResetType): Promise<void> {
    this.#resets[type] = (this.#resets[type] ?? 0) + 1;
    await this.#orders[type]();
  }

  /** Somebody in the room presses the button, or pulls the plug. No order of the BMC. */
  async press(want: "on" | "off"): Promise<void> {
    await (want === "on" ? this.#on() : this.#backEnd.forceOff());
  }

  /** For the back end, each time the firmware chooses: a Once override is used up by it. */
  takeBootOrder(): readonly BootDevice[] {
    const { enabled, target, mode } = this.override;
    if (enabled === "Disabled" || target === null) return this.bootOrder;
    if (enabled === "Once") this.override = { enabled: "Disabled", target: null, mode };
    return [target, ...this.bootOrder.filter((device) => device !== target)];
  }

  /** For the back end: a boot from this device begins. */
  countBoot(device: BootDevice): void {
    this.#boots[device] = (this.#boots[device] ?? 0) + 1;
  }

  /** For the software on it. Contents change; nothing is counted. */
  setDisk(name: string, content: DiskContent): void {
    this.#edit(name, (disk) => ({ ...disk, content }));
  }

  /** A write of an image begins: what was there is gone. */
  beginWrite(name: string, digest: string): void {
    const content: DiskContent = { kind: "partial", digest };
    this.#edit(name, (disk) => ({ ...disk, content, writes: disk.writes + 1 }));
  }

  erase(name: string): void {
    const content: DiskContent = { kind: "blank" };
    this.#edit(name, (disk) => ({ ...disk, content, erases: disk.erases + 1 }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#backEnd[Symbol.asyncDispose]();
  }

  readonly #on = async (): Promise<void> => {
    if (this.power === "Off") this.#powerOns += 1;
    await this.#backEnd.powerOn();
  };

  readonly #orders: Readonly<Record<ResetType, () => Promise<void>>> = {
    On: () => this.#on(),
    ForceOff: () => this.#backEnd.forceOff(),
    GracefulShutdown: () => this.#backEnd.shutDown(),
    ForceRestart: () => this.#backEnd.restart(),
    GracefulRestart: () => this.#backEnd.restart(),
    PowerCycle: () => this.#backEnd.restart(),
    PushPowerButton: () => (this.power === "Off" ? this.#on() : this.#backEnd.shutDown()),
  };

  #edit(name: string, change: (disk: SimulatedDisk) => SimulatedDisk): void {
    const at = this.#disks.findIndex((disk) => disk.name === name);
    const disk = this.#disks[at];
    if (disk === undefined) throw new Error(`${this.name} has no disk ${name}`);
    this.#disks[at] = change(disk);
  }
}
