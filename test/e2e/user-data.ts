import { setTimeout } from "node:timers/promises";
import { USER_DATA_TYPE } from "#api/group.ts";
import { type Manifest, NAMESPACE } from "../../tools/room/manifests.ts";
import type { Site } from "./site.ts";

/** What a booted system says of itself. */
export interface Report {
  /** The content of a file that its user data wrote. */
  readonly file: string;
  readonly hostname: string;
  /** The serial of the disk that its root is on. */
  readonly root: string;
  /** Another one at each boot. */
  readonly bootId: string;
}

const FILE = "/etc/steelyard-marker";

/** Writes a file when the system is new, and posts what is in it at each boot. */
export function userData(name: string, marker: string, webUrl: string): Manifest {
  // the sync: what was told is there after a hard reset too
  const script = `#!/bin/sh
sync
root=$(lsblk -no PKNAME "$(findmnt -nvo SOURCE /)")
curl -sS --retry 5 --retry-connrefused --data-binary @- ${webUrl}/report <<END
{"file": "$(cat ${FILE})", "hostname": "$(hostname)", "root": "$(cat "/sys/block/$root/serial")",
 "bootId": "$(cat /proc/sys/kernel/random/boot_id)"}
END
`;
  const files = [
    { path: FILE, content: marker },
    { path: "/var/lib/cloud/scripts/per-boot/report", permissions: "0755", content: script },
  ];
  const userData = `#cloud-config\n${JSON.stringify({ write_files: files })}\n`;
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: NAMESPACE },
    type: USER_DATA_TYPE,
    stringData: { userData },
  };
}

/** Waits for so many reports. */
export async function reports(
  { posts }: Pick<Site, "posts">,
  count: number,
  signal: AbortSignal,
): Promise<readonly Report[]> {
  const have = () => posts.filter(({ path }) => path === "/report");
  while (have().length < count && !signal.aborted) {
    await setTimeout(100, undefined, { signal }).catch(() => {});
  }
  if (signal.aborted) throw new Error(`${have().length} of ${count} reports came`);
  return have().map(({ body }) => JSON.parse(body) as Report);
}
