import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants, copyFile, writeFile } from "node:fs/promises";
import type { Log } from "#base/log.ts";
import type { BackEnd, BoardPower, SimulatedMachine } from "./machine.ts";
import { command, type QemuConfig } from "./qemu-args.ts";
import { Qmp } from "./qmp.ts";

/** With -no-reboot these end the process; on a board they are only a reset. */
const RESETS: ReadonlySet<string | null> = new Set(["guest-reset", "host-qmp-system-reset"]);

/**
 * A real virtual machine. Off is off: there is no process. Each power-on and each reset is a new
 * process; what outlives it is the firmware's variables and the disks.
 */
export class QemuBackEnd implements BackEnd {
  #power: BoardPower = "Off";
  #session = new AbortController();
  #life: Promise<void> = Promise.resolve();
  #qmp: Qmp | null = null;
  readonly #machine: SimulatedMachine;
  readonly #config: QemuConfig;
  readonly #log: Log;

  constructor(machine: SimulatedMachine, config: QemuConfig, { log }: { readonly log: Log }) {
    this.#machine = machine;
    this.#config = config;
    this.#log = log;
  }

  get power(): BoardPower {
    return this.#power;
  }

  async powerOn(): Promise<void> {
    if (this.#power !== "Off") return;
    this.#power = "PoweringOn";
    this.#session = new AbortController();
    this.#life = this.#runUntilOff(this.#session.signal)
      .catch((error: unknown) => {
        this.#log.error({ err: error, machine: this.#machine.name }, "a virtual machine failed");
      })
      .finally(() => {
        this.#power = "Off";
      });
  }

  async forceOff(): Promise<void> {
    if (this.#power === "Off") return;
    this.#power = "PoweringOff";
    this.#session.abort();
  }

  async restart(): Promise<void> {
    if (this.#power === "On") this.#qmp?.send("system_reset");
  }

  async shutDown(): Promise<void> {
    if (this.#power === "On") this.#qmp?.send("system_powerdown");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.forceOff();
    await this.#life;
  }

  async #runUntilOff(signal: AbortSignal): Promise<void> {
    const { uefi, folder } = this.#config;
    if (uefi !== null) await copyOnce(uefi.vars, `${folder}/vars.fd`);
    let reason: string | null = null;
    do reason = await this.#run(signal);
    while (RESETS.has(reason) && !signal.aborted);
  }

  /** One process. Resolves to why it ended; `null`: it was killed, or it crashed. */
  async #run(signal: AbortSignal): Promise<string | null> {
    await using qmp = await Qmp.listen(`${this.#config.folder}/qmp.sock`);
    if (signal.aborted) return null;
    const child = this.#spawn(qmp.path);
    const exited = once(child, "exit"); // rejects when it could not be started
    await writeFile(`${this.#config.folder}/qemu.pid`, `${child.pid ?? ""}\n`);
    const stop = (): boolean => child.kill("SIGKILL");
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      await Promise.race([exited, this.#on(qmp, signal)]);
      await exited;
      await qmp.closed();
      return qmp.shutdownReason;
    } finally {
      this.#qmp = null;
      signal.removeEventListener("abort", stop);
    }
  }

  async #on(qmp: Qmp, signal: AbortSignal): Promise<void> {
    await qmp.connected(signal).catch(() => {}); // killed before it called
    if (signal.aborted) return;
    this.#qmp = qmp;
    this.#power = "On";
  }

  #spawn(qmpPath: string): ChildProcess {
    const { board, disks } = this.#machine;
    const order = this.#machine.takeBootOrder();
    const [first] = order;
    if (first !== undefined) this.#machine.countBoot(first);
    const [file, ...args] = command(this.#config, { board, disks, order, qmpPath });
    const child = spawn(file, args, { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#log.warn({ machine: this.#machine.name, qemu: text.trim() }, "QEMU says");
    });
    return child;
  }
}

async function copyOnce(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL).catch((error: unknown) => {
    const there = error instanceof Error && "code" in error && error.code === "EEXIST";
    if (!there) throw error;
  });
}
