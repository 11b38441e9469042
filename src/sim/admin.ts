/**
 * The simulator's back door, for tests in other processes: what was done to each machine, and a hand
 * to meddle. Loopback only, no login.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { DiskContent, SimulatedDisk } from "./disk.ts";
import type { Board, BoardPower, BootDevice, BootOverride, Counters } from "./machine.ts";
import type { Faults, Personality } from "./personality.ts";
import type { Account, BmcCounters, RedfishBmc } from "./redfish-bmc.ts";
import type { Endpoint, RedfishServer } from "./redfish-server.ts";

/** GET /machines answers with a list of these, GET /machines/NAME with one. */
export interface MachineView {
  readonly name: string;
  /** As `spec.bmc.address` wants it. */
  readonly address: string;
  readonly fingerprint: string;
  readonly board: Board;
  readonly power: BoardPower;
  readonly override: BootOverride;
  readonly disks: readonly SimulatedDisk[];
  readonly counters: Counters;
  readonly bmc: BmcCounters;
  readonly faults: Faults;
}

/** POST /machines/NAME: each field that is there is done, in this order. */
export interface Edit {
  readonly board?: Partial<Board>;
  readonly bootOrder?: readonly BootDevice[];
  readonly disks?: Readonly<Record<string, DiskContent>>;
  readonly account?: Account;
  readonly personality?: Partial<Personality>;
  readonly faults?: Partial<Faults>;
  /** As a restart of the BMC does. */
  readonly endSessions?: true;
  readonly renewCertificate?: true;
  /** Somebody in the room presses the button. */
  readonly press?: "on" | "off";
}

/** POST /swap: the two exchange their addresses. */
export interface Swap {
  readonly one: string;
  readonly other: string;
}

export interface Admin extends AsyncDisposable {
  readonly url: string;
}

interface Subjects {
  readonly server: RedfishServer;
  readonly bmcs: ReadonlyMap<string, RedfishBmc>;
}

export async function startAdmin(subjects: Subjects, { host, port }: Endpoint): Promise<Admin> {
  const server = createServer((request, response) => {
    answer(subjects, request).then(
      (body) =>
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body)),
      (error: unknown) => response.writeHead(400).end(`${String(error)}\n`),
    );
  });
  server.listen(port, host);
  await once(server, "listening");
  const address = server.address();
  const at = typeof address === "object" && address !== null ? address.port : port;
  return {
    url: `http://${host}:${at}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export function viewOf({ server }: Subjects, name: string, bmc: RedfishBmc): MachineView {
  const { board, power, override, disks, counters } = bmc.machine;
  return {
    name,
    address: server.address(name),
    fingerprint: server.fingerprint(bmc),
    board,
    power,
    override,
    disks,
    counters,
    bmc: bmc.counters,
    faults: bmc.faults,
  };
}

async function answer(subjects: Subjects, request: IncomingMessage): Promise<unknown> {
  const { method, url = "" } = request;
  const [, kind, name] = url.split("/");
  if (method === "GET" && url === "/ca") return { certificate: subjects.server.ca.certificate };
  if (method === "GET" && url === "/machines") {
    return Array.from(subjects.bmcs, ([each, bmc]) => viewOf(subjects, each, bmc));
  }
  if (method === "POST" && url === "/swap") {
    const { one, other } = (await bodyOf(request)) as Swap;
    subjects.server.swap(one, other);
    return {};
  }
  const bmc = subjects.bmcs.get(decodeURIComponent(name ?? ""));
  if (kind !== "machines" || name === undefined || bmc === undefined) {
    throw new Error(`there is no ${method} ${url}`);
  }
  if (method === "POST") await edit(subjects, bmc, (await bodyOf(request)) as Edit);
  return viewOf(subjects, name, bmc);
}

type Doing<T> = (wanted: T, bmc: RedfishBmc, subjects: Subjects) => void | Promise<void>;

/** One arm per field of {@link Edit}. */
const EDITS: { readonly [Field in keyof Edit]-?: Doing<NonNullable<Edit[Field]>> } = {
  board: (board, { machine }) => {
    machine.board = { ...machine.board, ...board };
  },
  bootOrder: (order, { machine }) => {
    machine.bootOrder = order;
  },
  disks: (disks, { machine }) => {
    for (const [disk, content] of Object.entries(disks)) machine.setDisk(disk, content);
  },
  account: (account, bmc) => {
    bmc.account = account;
  },
  personality: (personality, bmc) => {
    bmc.personality = { ...bmc.personality, ...personality };
  },
  faults: (faults, bmc) => {
    bmc.faults = { ...bmc.faults, ...faults };
  },
  endSessions: (_, bmc) => bmc.sessions.clear(),
  renewCertificate: (_, bmc, { server }) => server.renewCertificate(bmc),
  press: (want, { machine }) => machine.press(want),
};

async function edit(subjects: Subjects, bmc: RedfishBmc, wanted: Edit): Promise<void> {
  const unknown = Object.keys(wanted).find((field) => !(field in EDITS));
  if (unknown !== undefined) throw new Error(`there is no edit "${unknown}"`);
  for (const [field, doing] of Object.entries(EDITS)) {
    const value = wanted[field as keyof Edit];
    if (value !== undefined) await (doing as Doing<unknown>)(value, bmc, subjects);
  }
  await subjects.server.refresh(bmc);
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString() || "{}");
}
