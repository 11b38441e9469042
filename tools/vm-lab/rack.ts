/** What a rack and its web server need to serve a lab: flags, subnet, programs inside the namespace. */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { NODE, ours, type ProgramOptions } from "../room/program.ts";
import type { Artifacts } from "../setup/artifacts.ts";
import { BRIDGE, type Lab, RACK_ADDRESS } from "./lab.ts";
import { inside } from "./netns.ts";

/** The zone's subnet: all of the lab, the first addresses kept for racks. */
export const LAB_SUBNET = {
  name: "boot",
  cidr: "10.88.0.0/24",
  dhcp: "Server" as "Server" | "Proxy",
  ranges: { reserved: [{ from: "10.88.0.1", to: "10.88.0.9" }] },
};

/** The same program, inside the lab. */
export function within({ netns }: Lab, { file, args, ...rest }: ProgramOptions): ProgramOptions {
  const [program, ...all] = inside(netns, [file, ...args]);
  return { ...rest, file: program, args: all };
}

/** The web server of web.ts, which has the OS image; see {@link webPort}. */
export const webServer = (lab: Lab, { os }: Artifacts, folder: string): ProgramOptions =>
  within(lab, {
    name: "web",
    file: NODE,
    args: [join(import.meta.dirname, "web.ts"), RACK_ADDRESS, `os.raw.zst=${os.zst.path}`],
    folder,
  });

/** Finds the port in a line that the web server prints. */
export const webPort = (line: string): string | undefined => /"port":(\d+)/.exec(line)?.[1];

/** The line by which a rack says that it serves. */
export const serves = (line: string): true | undefined =>
  line.includes("the rack serves") ? true : undefined;

export interface LabRack {
  readonly zone: string;
  /** The program's name, and its log's. */
  readonly program: string;
  readonly name: string;
  readonly kubeconfig: string;
  /** Where the log goes. */
  readonly folder: string;
  readonly args?: readonly string[];
}

/** A rack on its real ports inside the lab. */
export async function labRack(lab: Lab, built: Artifacts, rack: LabRack): Promise<ProgramOptions> {
  const { agent, bootfiles } = built;
  const images = join(lab.folder, "images");
  await mkdir(images, { recursive: true });
  const flags = [
    ...["--zone", rack.zone, "--name", rack.name, "--node", "lab", "--health-port", "0"],
    ...["--interfaces", JSON.stringify([{ address: RACK_ADDRESS, device: BRIDGE }])],
    ...["--boot-dir", bootfiles],
    ...["--agent-dirs", JSON.stringify({ amd64: dirname(agent.kernel.path) })],
    ...["--kernel-args", JSON.stringify(["console=ttyS0,115200", "quiet"])],
    ...["--image-dir", images, "--lease-file", join(lab.folder, "leases")],
    ...["--kubeconfig", rack.kubeconfig, ...(rack.args ?? [])],
  ];
  return within(lab, ours(rack.program, "rack", flags, rack.folder));
}
