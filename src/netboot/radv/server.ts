import type { Clock } from "#base/clock.ts";
import type { Duration } from "#base/duration.ts";
import type { Log } from "#base/log.ts";
import { type IcmpSocket, openIcmp6 } from "#netboot/socket/icmp6.ts";
import { encodeAdvertisement, isSolicitation, NOTHING_HERE } from "./message.ts";

export interface RadvDeps {
  /** Called with "Solicitation" and "Advertisement", or "Malformed", "NotSent". */
  readonly count: (event: string) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often the sockets are looked at: Node cannot wait for a raw socket. */
const LOOK = 50 as Duration;
/** More in one look are left for the next one. */
const AT_ONCE = 32;

/**
 * Answers router solicitations on these devices until the signal comes. Rejects where IPv6 or
 * CAP_NET_RAW is missing; a rack works without it, only slower.
 */
export async function serveRadv(
  devices: readonly string[],
  deps: RadvDeps,
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  await using opening = new AsyncDisposableStack();
  const sockets: IcmpSocket[] = [];
  for (const device of devices) sockets.push(opening.use(await openIcmp6(device, signal)));
  const closing = new AbortController();
  const answering = answer(sockets, deps, AbortSignal.any([signal, closing.signal]));
  opening.defer(async () => {
    closing.abort();
    await answering;
  });
  return opening.move();
}

async function answer(
  sockets: readonly IcmpSocket[],
  { count, clock, log }: RadvDeps,
  signal: AbortSignal,
): Promise<void> {
  const reply = encodeAdvertisement(NOTHING_HERE);
  try {
    while (!signal.aborted) {
      for (const socket of sockets) lookAt(socket, reply, count);
      await clock.sleep(LOOK, signal);
    }
  } catch (err) {
    if (!signal.aborted) log.error({ err }, "router advertisements stopped");
  }
}

function lookAt(socket: IcmpSocket, reply: Uint8Array, count: (event: string) => void): void {
  for (let n = 0; n < AT_ONCE; n += 1) {
    const came = socket.receive();
    if (came === null) return;
    if (!isSolicitation(came.bytes)) {
      count("Malformed");
      continue;
    }
    count("Solicitation");
    count(socket.send(reply, came.from) ? "Advertisement" : "NotSent");
  }
}
