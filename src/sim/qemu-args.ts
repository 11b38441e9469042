import type { DiskModel } from "./disk.ts";
import type { Board, BootDevice } from "./machine.ts";

export interface QemuConfig {
  /** For the QMP socket, the firmware's variables, `qemu.pid` and `console.log`. It must exist. */
  readonly folder: string;
  readonly memoryMiB: number;
  readonly cpus: number;
  /** Raw files behind the machine's disks, in their order. */
  readonly diskFiles: readonly string[];
  /** Tap devices behind the board's NICs, in their order; they must exist. */
  readonly taps: readonly string[];
  /** OVMF's two parts (`vars` is copied once); `null`: SeaBIOS with iPXE in the NIC's ROM. */
  readonly uefi: { readonly code: string; readonly vars: string } | null;
  /** The network namespace to run in; `null`: ours. */
  readonly netns: string | null;
  readonly extraArgs: readonly string[];
}

export interface Start {
  readonly board: Board;
  readonly disks: readonly DiskModel[];
  /** What the firmware is to try, in this order. */
  readonly order: readonly BootDevice[];
  readonly qmpPath: string;
}

/** The whole command line. Dies with the process that spawns it. */
export function command(config: QemuConfig, start: Start): readonly [string, ...string[]] {
  const qemu = ["setpriv", "--pdeathsig", "KILL", "--", "qemu-system-x86_64"] as const;
  const args = qemuArgs(config, start);
  return config.netns === null
    ? [...qemu, ...args]
    : ["ip", "netns", "exec", config.netns, ...qemu, ...args];
}

/**
 * The boot order is given by bootindex, and OVMF puts it before what the guest wrote into its
 * variables: a firmware that is firm in its ways. A guest's reset ends the process (-no-reboot), so
 * that the next start gets an order of its own and a Once override is really once.
 */
export function qemuArgs(config: QemuConfig, start: Start): string[] {
  return [
    ["-machine", config.uefi === null ? "q35,graphics=off" : "q35"],
    ["-accel", "tcg,thread=multi", "-cpu", "max"],
    ["-m", String(config.memoryMiB), "-smp", String(config.cpus)],
    ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ["-chardev", `file,id=console,path=${config.folder}/console.log,append=on`],
    ["-serial", "chardev:console"],
    ["-chardev", `socket,id=qmp,path=${start.qmpPath},server=off`],
    ["-mon", "chardev=qmp,mode=control"],
    ["-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"],
    identity(start.board),
    firmware(config, start.order),
    ...start.board.macs.map((mac, at) => nic(config, mac, at, start.order)),
    ...start.disks.map((disk, at) => diskArgs(config, disk, at, start.order)),
    config.extraArgs,
  ].flat();
}

function identity({ uuid, serial, manufacturer, model }: Board): string[] {
  const type1 = { manufacturer, product: model, serial };
  const fields = Object.entries(type1).map(
    ([key, value]) => `${key}=${value.replaceAll(",", ",,")}`,
  );
  return ["-uuid", uuid, "-smbios", ["type=1", ...fields].join(",")];
}

function firmware({ uefi, folder }: QemuConfig, order: readonly BootDevice[]): string[] {
  if (uefi === null) return [];
  const noPxe = ["IPv4PXESupport", "IPv6PXESupport"].flatMap((name) => [
    "-fw_cfg",
    `name=opt/org.tianocore/${name},string=n`,
  ]);
  const first = order.find((device) => device !== "disk");
  return [
    "-drive",
    `if=pflash,unit=0,format=raw,readonly=on,file=${uefi.code}`,
    "-drive",
    `if=pflash,unit=1,format=raw,file=${folder}/vars.fd`,
    ...(first === "http" ? noPxe : []),
  ];
}

/** NICs and disks each have a block of ten, the block's place is the device's in the order. */
function bootIndex(
  order: readonly BootDevice[],
  isIt: (device: BootDevice) => boolean,
  at: number,
): string {
  const place = order.findIndex(isIt);
  return place < 0 ? "" : `,bootindex=${place * 10 + at + 1}`;
}

function nic(
  { taps, uefi }: QemuConfig,
  mac: string,
  at: number,
  order: readonly BootDevice[],
): string[] {
  const tap = taps[at];
  if (tap === undefined) return [];
  const rom = uefi === null ? "" : ",romfile="; // OVMF brings its own driver
  const index = bootIndex(order, (device) => device !== "disk", at);
  return [
    "-netdev",
    `tap,id=n${at},ifname=${tap},script=no,downscript=no`,
    "-device",
    `virtio-net-pci,netdev=n${at},mac=${mac}${rom}${index}`,
  ];
}

function diskArgs(
  { diskFiles }: QemuConfig,
  { serial, logicalSectorBytes }: DiskModel,
  at: number,
  order: readonly BootDevice[],
): string[] {
  const file = diskFiles[at];
  if (file === undefined) return [];
  const index = bootIndex(order, (device) => device === "disk", at);
  const sectors = `logical_block_size=${logicalSectorBytes},physical_block_size=4096`;
  return [
    "-drive",
    `if=none,id=d${at},format=raw,file=${file},cache=unsafe,discard=unmap,detect-zeroes=unmap`,
    "-device",
    `virtio-blk-pci,drive=d${at},serial=${serial},${sectors}${index}`,
  ];
}
