import { type Duration, minutes } from "#base/duration.ts";
import type { ResetType } from "./machine.ts";

/** How a make of BMC behaves, as data. */
export interface Personality {
  readonly vendor: string;
  /** The last part of the ComputerSystem's path. */
  readonly systemId: string;
  readonly auth: "sessions" | "basic";
  readonly sessionLimit: number;
  readonly sessionTimeout: Duration;
  /** "required": a PATCH without If-Match is refused (428). "none": no ETags are sent. */
  readonly etag: "weak" | "required" | "none";
  /** Whether the boot override has a mode. */
  readonly bootMode: boolean;
  readonly resetTypes: readonly ResetType[];
  /** As BootSourceOverrideTarget names them. */
  readonly bootTargets: readonly string[];
  /** More than one request at a time, and the rest get 503. */
  readonly fragile: boolean;
}

export const GENERIC: Personality = {
  vendor: "Steelyard Simulators",
  systemId: "1",
  auth: "sessions",
  sessionLimit: 8,
  sessionTimeout: minutes(30),
  etag: "weak",
  bootMode: true,
  resetTypes: ["On", "ForceOff", "GracefulShutdown", "ForceRestart", "PushPowerButton"],
  bootTargets: ["None", "Pxe", "Hdd", "UefiHttp"],
  fragile: true, // whoever talks to BMCs must never need more
};

/** What is wrong with one BMC just now; a test switches it on and off. */
export interface Faults {
  /** Nothing listens: connections are refused. */
  readonly dead: boolean;
  /** Takes requests and never answers. */
  readonly hang: boolean;
  /** Whatever the password. */
  readonly refuseLogins: boolean;
  /** Answers everything with 503 and this Retry-After, in seconds; `null`: it does not. */
  readonly busySeconds: number | null;
  /** Takes power orders and does not carry them out. */
  readonly ignorePower: boolean;
  /** Takes boot overrides and does not keep them. */
  readonly ignoreBoot: boolean;
  /** Before each answer. */
  readonly latencyMs: number;
}

export const HEALTHY: Faults = {
  dead: false,
  hang: false,
  refuseLogins: false,
  busySeconds: null,
  ignorePower: false,
  ignoreBoot: false,
  latencyMs: 0,
};
