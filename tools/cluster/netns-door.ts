import { type Daemon, startDaemon, untilReady } from "./daemon.ts";
import type { Programs } from "./programs.ts";

/**
 * Opens the API server's address inside a network namespace (needs root there), so that the same
 * kubeconfig works on both sides. The namespace's loopback must be up.
 *
 * @param netns a name as `ip netns` knows it, or the path of a namespace file
 */
export async function openDoor(
  netns: string,
  url: string,
  programs: Programs,
  dataDir: string,
  signal: AbortSignal,
): Promise<Daemon> {
  const file = netns.includes("/") ? netns : `/run/netns/${netns}`;
  const daemon = await startDaemon("netns-door", [file, new URL(url).host], programs, dataDir);
  await untilReady(daemon, async () => /^open$/m.test(await daemon.logTail()), signal);
  return daemon;
}
