import { type Duration, minutes, seconds } from "./duration.ts";

/**
 * Every way in which a machine can be held up, as data. The key is written verbatim as the `reason`
 * of the Stalled condition, so renaming one is an API change; `help` is shown to people.
 *
 * `retryAfter` is the first delay of an exponential back-off; `null` means that trying again cannot
 * help until somebody edits a spec, a Secret or the hardware: the next watch event brings us back.
 */
export const FAILURES = {
  BmcUnreachable: {
    retryAfter: seconds(5),
    help: "No answer from the BMC address. Check cabling and spec.bmc.address.",
  },
  BmcBusy: {
    retryAfter: seconds(15),
    help: "The BMC asked us to come back later (HTTP 503 or completion code C0h).",
  },
  BmcCredentialsRejected: {
    retryAfter: seconds(20), // to look at the Secret; the BMC is not asked until that has changed
    help: "Fix the Secret named by spec.bmc.credentialsRef.",
  },
  BmcAddressInvalid: {
    retryAfter: minutes(1), // a BMC that has just started may not know its systems yet
    help: "Write spec.bmc.address as redfish://host[:port][/redfish/v1/Systems/ID].",
  },
  BmcCertificateChanged: {
    retryAfter: null, // a new BMC, a new certificate, or somebody in between: a person must say
    help: "The BMC shows another certificate than the pinned one. If that is right, change nonces.acceptHardware (with mode Pin: tls.fingerprintSHA256).",
  },
  BmcCertificateUntrusted: {
    retryAfter: minutes(5),
    help: "The BMC's certificate is not signed by the CA in spec.bmc.tls, is out of date, or names another host.",
  },
  NotLeader: {
    retryAfter: null,
    help: "This replica lost its Lease and touches no hardware; another one goes on.",
  },
  BmcUnsupported: { retryAfter: null, help: "This BMC cannot do what the spec asks for." },
  BmcProtocolViolation: {
    retryAfter: minutes(1),
    help: "The BMC answered with something that its standard forbids. Please report it.",
  },
  TaskFailed: {
    retryAfter: minutes(1),
    help: "The last MachineTask failed and will be tried again. Its status says why.",
  },
  TaskTimedOut: {
    retryAfter: minutes(1),
    help: "The last MachineTask passed its deadline. Watch the machine's console as it boots.",
  },
  PhaseOverdue: {
    retryAfter: minutes(1),
    help: "Longer in this phase than it should take. See the machine's Events.",
  },
  CannotFence: {
    retryAfter: seconds(15),
    help: "An earlier attempt may still run: the BMC must report the machine off first.",
  },
  IdentityChanged: {
    retryAfter: null,
    help: "The BMC answers for another machine. If that is right, change nonces.acceptHardware.",
  },
  ClaimLost: {
    retryAfter: null,
    help: "Who held it is gone without a release. Adopt it by a claim, or change nonces.release.",
  },
  AdoptionRequired: {
    retryAfter: null,
    help: "It may hold somebody's data. Set spec.adoption; power it off to have it inventoried.",
  },
  EraseIncomplete: {
    retryAfter: null,
    help: "A disk that is to be erased is missing, or one is new. Put it back as it was, or change nonces.acceptHardware; then change nonces.retry.",
  },
  Protected: { retryAfter: null, help: "Its release was ordered, but spec.protected is set." },
  ReleaseBrake: {
    retryAfter: minutes(5),
    help: "The zone's maxReleasesPerHour is used up. Check that the releases are meant.",
  },
  StillHeld: {
    retryAfter: null,
    help: "To be retired, or deleted with Decommission, while held. Release it first (or set Orphan).",
  },
  DuplicateMac: {
    retryAfter: null,
    help: "Another Machine names the same MAC address. Neither is touched: correct one of them.",
  },
  DuplicateBmc: {
    retryAfter: null,
    help: "Another Machine names the same BMC. Neither is touched: correct one of them.",
  },
  DuplicateIdentity: {
    retryAfter: null,
    help: "Another Machine's BMC reports the same system UUID. Check both spec.bmc.address.",
  },
  DuplicateAddress: {
    retryAfter: null,
    help: "Another Machine has the same IP address. Neither is touched.",
  },
  NoAddressFree: {
    retryAfter: minutes(1),
    help: "The zone's subnet has no address left. Widen its cidr or shrink its ranges.",
  },
  ZoneNotFound: {
    retryAfter: null,
    help: "Apply the Zone that spec.zoneRef names, or make the Machine anew in another.",
  },
  ProfileNotFound: {
    retryAfter: null,
    help: "Apply the HardwareProfile that spec.profileRef names, or correct it.",
  },
  SecretNotFound: {
    retryAfter: seconds(20),
    help: "Create the Secret that the spec names, with its keys: a BMC's beside the Machine, user data beside what names it.",
  },
  SecretForbidden: {
    retryAfter: seconds(20),
    help: "User data must be in a Secret of type steelyard.dev/user-data, and the operator be allowed to read it there.",
  },
  ImageNotFound: {
    retryAfter: null,
    help: "Apply the OSImage that spec.deploy.imageRef names.",
  },
  ImageUnsuitable: {
    retryAfter: null,
    help: "The OSImage has no artifact that this machine can run. Choose another image.",
  },
  DeployUnsupported: {
    retryAfter: null,
    help: "The API knows this way to deploy, but it is not built yet. The message says what to use.",
  },
  KernelArgsUnsupported: {
    retryAfter: null,
    help: "Kernel arguments are handed over by cloud-init: leave kernelArgs out, or use such an image.",
  },
  NotPlaced: {
    retryAfter: null, // whatever changes wakes the scheduler
    help: "No machine fits the claim now. Its message counts why, and says what to do where waiting does not help.",
  },
  MachineLost: {
    retryAfter: null,
    help: "Delete the claim and make another; or, to take the Machine again as it is, set adoptBound and machineRef.",
  },
  AdoptionForbidden: {
    retryAfter: null,
    help: "A lost claim's machine may hold its data: only a claim in the same namespace takes it over.",
  },
  GivenUp: {
    retryAfter: null,
    help: "Its tasks failed too often. Repair the machine, then change spec.nonces.retry.",
  },
} as const satisfies Record<
  string,
  { readonly retryAfter: Duration | null; readonly help: string }
>;

export type FailureReason = keyof typeof FAILURES;

export interface FailureOptions extends ErrorOptions {
  /** When the other end said itself when to come back; it goes before the table's delay. */
  readonly retryAfter?: Duration;
}

/** A failure that the system expects and can report. Anything else that is thrown is a bug. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly reason: FailureReason;
  /** The first delay before trying again; `null`: trying again cannot help. */
  readonly retryAfter: Duration | null;

  constructor(reason: FailureReason, message: string, options: FailureOptions = {}) {
    super(message, options);
    this.reason = reason;
    this.retryAfter = options.retryAfter ?? FAILURES[reason].retryAfter;
  }
}
