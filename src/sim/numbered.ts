import { fromNumber, type Ipv4, toNumber } from "#base/ipv4.ts";
import { parseMac } from "#base/mac.ts";
import type { MachineConfig } from "./fleet.ts";

export interface Numbering {
  readonly count: number;
  /** Machines are called `<prefix><number>`, four digits at least. */
  readonly prefix: string;
  /** Number of the first one. Whatever tells machines apart follows from the number. */
  readonly first: number;
  /** The first BMC's address; the others follow. All have the same port. */
  readonly bmc: { readonly host: Ipv4; readonly port: number };
  readonly disks: number;
}

const GIB = 1024 ** 3;

/** A room full of the same server, each with its own names, numbers and BMC address. */
export function numbered({ count, prefix, first, bmc, disks }: Numbering): MachineConfig[] {
  return Array.from({ length: count }, (_, at) => {
    const n = first + at;
    const hex = n.toString(16).padStart(8, "0");
    const host = fromNumber(toNumber(bmc.host) + at);
    return {
      name: `${prefix}${String(n).padStart(4, "0")}`,
      endpoint: { host, port: bmc.port },
      board: {
        uuid: `4c4c4544-0035-5810-8054-b3c0${hex}`,
        serial: `SY${hex.toUpperCase()}`,
        manufacturer: "Steelyard",
        model: "Simulated S1",
        macs: [0x52, 0x56].map((octet) => macOf(octet, hex)),
        cpuCores: 32,
        memoryGiB: 256,
      },
      disks: Array.from({ length: disks }, (__, disk) => ({
        name: `sd${String.fromCharCode(97 + disk)}`,
        wwn: `0x5000c5${disk.toString(16).padStart(2, "0")}${hex}`,
        serial: `ZC${hex.toUpperCase()}${disk}`,
        model: "SIM DISK 960G",
        sizeBytes: 960 * GIB,
        rotational: false,
        logicalSectorBytes: 512,
      })),
      bootOrder: ["network", "disk"],
      backEnd: { kind: "simulated" },
    };
  });
}

/** Locally administered; numbers up to 2³² never meet. */
function macOf(octet: number, hex: string) {
  const mac = parseMac(`${octet.toString(16)}00${hex}`);
  if (mac === null) throw new Error(`no MAC from ${hex}`);
  return mac;
}
