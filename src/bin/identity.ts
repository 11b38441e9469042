import { randomBytes } from "node:crypto";
import { hostname } from "node:os";

/**
 * Who holds a Lease: one process, and none before or after it. In a container the host's name and the
 * process's number (1) stay the same when it is restarted.
 */
export const newIdentity = (): string => `${hostname()}-${randomBytes(5).toString("hex")}`;
