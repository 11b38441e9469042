import { Failure } from "#base/failure.ts";

/**
 * What a request is for. "session": logging in or out, which changes nothing on the machine.
 * "write": may change its power or its settings.
 */
export type RequestKind = "session" | "read" | "write";

/**
 * Asked before each single request. Waits while the BMC's budget is used up, and rejects with a
 * Failure when the request must not be sent, e.g. because this replica is no longer the leader.
 */
export type Gate = (kind: RequestKind, signal: AbortSignal) => Promise<void>;

/** Another replica leads, or may do so by now: nothing may be asked, nor ordered. */
export const notLeader = (): Failure =>
  new Failure("NotLeader", "another replica may have the Lease by now");

export const openGate: Gate = async () => {};
