/** The demo's zone with real firmware: a virtual machine and its rack in a network namespace. */
import { bmcSecret, machine, NAMESPACE, osImage, zone } from "../room/manifests.ts";
import { type Program, type ProgramOptions, startProgram } from "../room/program.ts";
import type { Room } from "../room/room.ts";
import { artifacts } from "../setup/artifacts.ts";
import { ACCOUNT, createHost } from "../vm-lab/host.ts";
import { type Lab, RACK_ADDRESS } from "../vm-lab/lab.ts";
import { LAB_SUBNET, labRack, serves, webPort, webServer } from "../vm-lab/rack.ts";

const ZONE = "cellar";
const NAME = "cellar-vm";
const IMAGE = "debian-12";
const BMC_SECRET = `${NAME}-bmc`;

export interface Cellar extends AsyncDisposable {
  readonly programs: readonly Program[];
  /** Applies the Machine. */
  enrol(): Promise<void>;
}

/** Furnishes the zone; its room's control plane must be open to the lab. Needs root and QEMU. */
export async function openCellar(lab: Lab, room: Room, signal: AbortSignal): Promise<Cellar> {
  await using stack = new AsyncDisposableStack();
  const built = await artifacts();
  const start = (options: ProgramOptions): Program => stack.use(startProgram(options));
  const { folder } = room;
  const web = start(webServer(lab, built, folder));
  const port = await web.line(webPort, signal);
  await room.apply(
    osImage({
      name: IMAGE,
      url: `http://${RACK_ADDRESS}:${port}/os.raw.zst`,
      compression: "zstd",
      digest: `sha256:${built.os.zst.sha256}`,
      sizeBytes: built.os.raw.sizeBytes,
    }),
  );
  await room.apply(zone(ZONE, { topology: { zone: ZONE }, subnets: [LAB_SUBNET] }));
  const kubeconfig = await room.installed.rackKubeconfig(ZONE, signal);
  const name = `rack-${ZONE}`;
  const rack = start(
    await labRack(lab, built, { zone: ZONE, name, program: name, kubeconfig, folder }),
  );
  await rack.line(serves, signal);
  const host = stack.use(
    await createHost(lab, NAME, {
      at: 0,
      firmware: "UEFI",
      bootOrder: ["network", "disk"],
      diskBytes: [4 * 1024 ** 3],
    }),
  );
  const secret = bmcSecret(ACCOUNT);
  await room.apply({ ...secret, metadata: { name: BMC_SECRET, namespace: NAMESPACE } });
  const kept = stack.move();
  return {
    programs: [web, rack],
    enrol: () => {
      const { board } = host.vm.machine;
      const endpoint = { host: RACK_ADDRESS, port: 0 }; // its BMC's address is below
      return room.apply(
        machine({ name: NAME, endpoint, board }, ZONE, {
          location: { rack: `${ZONE}-r1` },
          bmc: { address: host.bmcAddress, credentialsRef: { name: BMC_SECRET } },
          deploy: { imageRef: { name: IMAGE } },
        }),
      );
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
