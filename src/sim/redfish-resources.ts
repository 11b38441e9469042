/** Redfish resources, rendered from a machine when they are asked for. */
import { createHash } from "node:crypto";
import type { Mac } from "#base/mac.ts";
import type { BootDevice, SimulatedMachine } from "./machine.ts";
import type { Personality } from "./personality.ts";

export const ROOT = "/redfish/v1";
export const SESSIONS = `${ROOT}/SessionService/Sessions`;

export type Resource = Readonly<Record<string, unknown>>;

/** What the resources are made of. */
export interface View {
  readonly machine: SimulatedMachine;
  readonly personality: Personality;
  readonly sessionIds: readonly string[];
}

export const systemPath = ({ systemId }: Personality): string => `${ROOT}/Systems/${systemId}`;
export const resetPath = (personality: Personality): string =>
  `${systemPath(personality)}/Actions/ComputerSystem.Reset`;

export const TARGETS: Readonly<Record<BootDevice, string>> = {
  network: "Pxe",
  http: "UefiHttp",
  disk: "Hdd",
};

/** DSP0266 section 6.5.7: changes whenever the resource does. */
export const etagOf = (resource: Resource): string =>
  `W/"${createHash("sha1").update(JSON.stringify(resource)).digest("hex").slice(0, 12)}"`;

/** The resource at `path`, which has no slash at its end; `null` if there is none. */
export function render(path: string, view: View): Resource | null {
  const exact = RESOURCES[path];
  if (exact !== undefined) return exact(view);
  const system = systemPath(view.personality);
  if (path === system) return computerSystem(view);
  if (path.startsWith(`${system}/EthernetInterfaces`)) return nic(path, view);
  if (path.startsWith(`${SESSIONS}/`)) return session(path, view);
  return null;
}

const link = (id: string): Resource => ({ "@odata.id": id });

const collection = (path: string, type: string, members: readonly string[]): Resource => ({
  "@odata.id": path,
  "@odata.type": `#${type}Collection.${type}Collection`,
  Name: `${type} Collection`,
  "Members@odata.count": members.length,
  Members: members.map(link),
});

const RESOURCES: Readonly<Record<string, (view: View) => Resource>> = {
  "/redfish": () => ({ v1: `${ROOT}/` }),
  [ROOT]: ({ machine, personality: { vendor, auth } }) => ({
    "@odata.id": `${ROOT}/`,
    "@odata.type": "#ServiceRoot.v1_16_0.ServiceRoot",
    Id: "RootService",
    Name: "Root Service",
    RedfishVersion: "1.18.0",
    UUID: machine.board.uuid,
    Vendor: vendor,
    Systems: link(`${ROOT}/Systems`),
    Managers: link(`${ROOT}/Managers`),
    Chassis: link(`${ROOT}/Chassis`),
    ...(auth === "sessions" && {
      SessionService: link(`${ROOT}/SessionService`),
      Links: { Sessions: link(SESSIONS) },
    }),
  }),
  [`${ROOT}/SessionService`]: ({ personality }) => ({
    "@odata.id": `${ROOT}/SessionService`,
    "@odata.type": "#SessionService.v1_1_9.SessionService",
    Id: "SessionService",
    Name: "Session Service",
    ServiceEnabled: true,
    SessionTimeout: Math.round(personality.sessionTimeout / 1_000),
    Sessions: link(SESSIONS),
  }),
  [SESSIONS]: ({ sessionIds }) =>
    collection(
      SESSIONS,
      "Session",
      sessionIds.map((id) => `${SESSIONS}/${id}`),
    ),
  [`${ROOT}/Systems`]: ({ personality }) =>
    collection(`${ROOT}/Systems`, "ComputerSystem", [systemPath(personality)]),
  [`${ROOT}/Managers`]: () => collection(`${ROOT}/Managers`, "Manager", [`${ROOT}/Managers/1`]),
  [`${ROOT}/Managers/1`]: ({ personality }) => ({
    "@odata.id": `${ROOT}/Managers/1`,
    "@odata.type": "#Manager.v1_19_1.Manager",
    Id: "1",
    Name: "Manager",
    ManagerType: "BMC",
    FirmwareVersion: "1.0.0",
    Status: { State: "Enabled", Health: "OK" },
    Links: { ManagerForServers: [link(systemPath(personality))] },
  }),
  [`${ROOT}/Chassis`]: () => collection(`${ROOT}/Chassis`, "Chassis", [`${ROOT}/Chassis/1`]),
  [`${ROOT}/Chassis/1`]: ({ machine: { board, power }, personality }) => ({
    "@odata.id": `${ROOT}/Chassis/1`,
    "@odata.type": "#Chassis.v1_25_0.Chassis",
    Id: "1",
    Name: "Chassis",
    ChassisType: "RackMount",
    Manufacturer: board.manufacturer,
    Model: board.model,
    PowerState: power,
    Status: { State: "Enabled", Health: "OK" },
    Links: { ComputerSystems: [link(systemPath(personality))] },
  }),
};

function computerSystem({ machine, personality }: View): Resource {
  const { board, override, power } = machine;
  const path = systemPath(personality);
  return {
    "@odata.id": path,
    "@odata.type": "#ComputerSystem.v1_22_0.ComputerSystem",
    Id: personality.systemId,
    Name: machine.name,
    SystemType: "Physical",
    UUID: board.uuid,
    SerialNumber: board.serial,
    Manufacturer: board.manufacturer,
    Model: board.model,
    PowerState: power,
    Status: { State: power === "On" ? "Enabled" : "StandbyOffline", Health: "OK" },
    ProcessorSummary: { Count: 1, CoreCount: board.cpuCores },
    MemorySummary: { TotalSystemMemoryGiB: board.memoryGiB },
    Boot: {
      BootSourceOverrideEnabled: override.enabled,
      BootSourceOverrideTarget: override.target === null ? "None" : TARGETS[override.target],
      ...(personality.bootMode && { BootSourceOverrideMode: override.mode }),
      "BootSourceOverrideTarget@Redfish.AllowableValues": personality.bootTargets,
    },
    EthernetInterfaces: link(`${path}/EthernetInterfaces`),
    Links: { ManagedBy: [link(`${ROOT}/Managers/1`)], Chassis: [link(`${ROOT}/Chassis/1`)] },
    Actions: {
      "#ComputerSystem.Reset": {
        target: resetPath(personality),
        "ResetType@Redfish.AllowableValues": personality.resetTypes,
      },
    },
  };
}

function nic(path: string, { machine, personality }: View): Resource | null {
  const all = `${systemPath(personality)}/EthernetInterfaces`;
  const { macs } = machine.board;
  const paths = macs.map((_, at) => `${all}/${at + 1}`);
  if (path === all) return collection(all, "EthernetInterface", paths);
  const mac: Mac | undefined = macs[paths.indexOf(path)];
  if (mac === undefined) return null;
  return {
    "@odata.id": path,
    "@odata.type": "#EthernetInterface.v1_12_1.EthernetInterface",
    Id: path.slice(all.length + 1),
    Name: "Ethernet Interface",
    MACAddress: mac,
    PermanentMACAddress: mac,
    InterfaceEnabled: true,
  };
}

function session(path: string, { sessionIds }: View): Resource | null {
  const Id = path.slice(SESSIONS.length + 1);
  if (!sessionIds.includes(Id)) return null;
  return { "@odata.id": path, "@odata.type": "#Session.v1_7_0.Session", Id, Name: "Session" };
}
