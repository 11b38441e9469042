/** "unknown": the BMC says something between (PoweringOn, Paused) or nothing. */
export type PowerState = "on" | "off" | "unknown";
export type BootTarget = "disk" | "network" | "http";
/** How the firmware is to start: some BMCs fall back to Legacy unless they are told with each override. */
export type FirmwareMode = "UEFI" | "Legacy";

/** What one read of the system resource tells. `null`: the BMC does not say. */
export interface BmcObservation {
  readonly power: PowerState;
  /** As the BMC sees it, canonical lower case; placeholders (all zeros, all f, …) are `null`. */
  readonly systemUuid: string | null;
  readonly serial: string | null;
  readonly manufacturer: string | null;
  readonly model: string | null;
  /** SHA-256 of the certificate that the BMC showed, lower-case hex; `null` without TLS. */
  readonly fingerprint: string | null;
}

/**
 * One baseboard management controller, whatever protocol it speaks, directly or through a rack.
 *
 * - Making one costs nothing: it is contacted only when a method is called.
 * - Each method is one short exchange: none waits for the machine to settle. Callers look again
 *   on a later reconcile.
 * - Each method rejects with {@link Failure} and with nothing else; `signal` bounds its time.
 *
 * Every implementation passes `test/compliance/bmc-driver.test.ts`.
 */
export interface BmcDriver extends AsyncDisposable {
  /** Power and identity as the BMC reports them now, never cached ones. */
  observe(signal: AbortSignal): Promise<BmcObservation>;
  /**
   * Idempotent: asking for the state that already holds sends nothing that changes anything.
   * "off" is a hard power-off: callers that want a graceful end use {@link shutdown} first.
   */
  setPower(want: "on" | "off", signal: AbortSignal): Promise<void>;
  /**
   * Asks the operating system of a machine that is on to end by itself, and does not wait for it: it
   * may never do so. Resolves to false, and nothing happens, where this BMC cannot ask it.
   */
  shutdown(signal: AbortSignal): Promise<boolean>;
  /** Restarts a machine that is on, by force; one that is off is left alone. */
  restart(signal: AbortSignal): Promise<void>;
  /**
   * Starts a machine that is off from `target`, once; the persistent boot order is never touched.
   * The override is read back before power is switched on. A machine that is on is left alone.
   */
  bootOnce(target: BootTarget, mode: FirmwareMode, signal: AbortSignal): Promise<void>;
}
