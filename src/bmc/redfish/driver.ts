import { z } from "zod";
import { Failure } from "#base/failure.ts";
import type { BmcDriver, BmcObservation, BootTarget, FirmwareMode } from "#bmc/driver.ts";
import { Serial } from "#bmc/serial.ts";
import type { RedfishClient } from "./client.ts";
import { ActionInfo, type Boot, ComputerSystem } from "./schema.ts";
import {
  holds,
  identityOf,
  MOVES,
  type Override,
  overrideFor,
  powerOf,
  resetType,
  type Wish,
  willStart,
  withoutMode,
} from "./system.ts";

const System = ComputerSystem.extend({ Etag: z.string().catch("") });
type System = z.output<typeof System>;

/** Redfish (DSP0266) with as few requests as can be: each costs a small BMC some 100 ms. */
export class RedfishDriver implements BmcDriver {
  readonly #client: RedfishClient;
  readonly #serial = new Serial();
  /** From ActionInfo, for BMCs that say it there. */
  #offered: readonly string[] | null = null;

  constructor(client: RedfishClient) {
    this.#client = client;
  }

  observe(signal: AbortSignal): Promise<BmcObservation> {
    return this.#exchange(signal, async (system) => ({
      power: powerOf(system),
      ...identityOf(system),
      fingerprint: this.#client.fingerprint,
    }));
  }

  setPower(want: "on" | "off", signal: AbortSignal): Promise<void> {
    return this.#exchange(signal, (system) => this.#reset(want, system));
  }

  async shutdown(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#exchange(signal, (system) => this.#reset("shutdown", system));
      return true;
    } catch (error) {
      if (error instanceof Failure && error.reason === "BmcUnsupported") return false;
      throw error;
    }
  }

  restart(signal: AbortSignal): Promise<void> {
    return this.#exchange(signal, (system) => this.#reset("restart", system));
  }

  bootOnce(target: BootTarget, mode: FirmwareMode, signal: AbortSignal): Promise<void> {
    return this.#exchange(signal, async (system) => {
      if (move("on", system) === "nothing") return;
      await this.#override(target, mode, system);
      await this.#reset("on", system);
    });
  }

  /** Logs out and closes, after what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#serial.run(() => this.#client[Symbol.asyncDispose](), new AbortController().signal);
  }

  /** Each begins with a fresh read of the system. */
  #exchange<T>(signal: AbortSignal, work: (system: System) => Promise<T>): Promise<T> {
    const exchange = async (): Promise<T> => work(await this.#client.system(System));
    return this.#serial.run(() => this.#client.during(signal, exchange), signal);
  }

  async #reset(want: Wish, system: System): Promise<void> {
    if (move(want, system) === "nothing") return;
    const action = system.Actions?.["#ComputerSystem.Reset"];
    const offered = action?.["ResetType@Redfish.AllowableValues"];
    const ResetType = resetType(
      want,
      offered ?? (await this.#info(action?.["@Redfish.ActionInfo"])),
    );
    if (ResetType === undefined) throw new Failure("BmcUnsupported", `no ResetType for "${want}"`);
    const path = await this.#client.systemPath();
    await this.#client.post(action?.target ?? `${path}/Actions/ComputerSystem.Reset`, {
      ResetType,
    });
  }

  async #info(path: string | null | undefined): Promise<readonly string[] | null> {
    if (path === null || path === undefined) return null;
    if (this.#offered === null) {
      const { Parameters } = await this.#client.read(path, ActionInfo);
      const parameter = Parameters.find(({ Name }) => Name === "ResetType");
      this.#offered = parameter?.AllowableValues ?? null;
    }
    return this.#offered;
  }

  /** Done when the BMC itself says that the next start will be so. */
  async #override(target: BootTarget, mode: FirmwareMode, system: System): Promise<void> {
    const { Boot: boot } = system;
    const override = boot ? overrideFor(target, mode, boot) : undefined;
    if (!boot || override === undefined) {
      throw new Failure("BmcUnsupported", `it offers no boot override for "${target}", ${mode}`);
    }
    if (holds(override, boot)) return; // of a try before this one
    await this.#patchBoot(override, boot, system);
    const { Boot: after } = await this.#client.system(System);
    if (!willStart(override, after)) {
      throw new Failure("BmcBusy", "it does not show the boot override yet that it was given");
    }
  }

  async #patchBoot(override: Override, boot: Boot, system: System): Promise<void> {
    const path = await this.#client.systemPath();
    const etag = system.Etag || system["@odata.etag"] || null;
    try {
      await this.#client.patch(path, { Boot: override }, etag);
    } catch (error) {
      const less = withoutMode(override, boot);
      if (!(error instanceof Failure) || error.reason !== "BmcUnsupported" || !less) throw error;
      await this.#client.patch(path, { Boot: less }, etag); // it reports the mode, read-only
    }
  }
}

function move(want: Wish, { PowerState }: System): "nothing" | "act" {
  const next = MOVES[want](PowerState ?? "");
  if (next === "wait") throw new Failure("BmcBusy", `PowerState is ${PowerState ?? "not told"}`);
  return next;
}
