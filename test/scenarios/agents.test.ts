/** Agents and racks that come back from the past, and strangers: none of them is given anything. */
import { describe, expect, it } from "vitest";
import { type BootParameters, readBootParameters } from "#agent/boot-parameters.ts";
import { makeAgentKey, Rack } from "#agent/rack.ts";
import { rackConnections, zoneCa } from "#agent/trust.ts";
import type { Welcome } from "#api/agent.ts";
import { KINDS, USER_DATA_TYPE } from "#api/group.ts";
import type { Zone } from "#api/zone.ts";
import { systemClock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import type { Ipv4 } from "#base/ipv4.ts";
import { parseMac } from "#base/mac.ts";
import { DhcpRelay } from "#sim/dhcp-client.ts";
import type { MachineConfig } from "#sim/fleet.ts";
import type { Wire } from "#test/fakes/wire.ts";
import { NAMESPACE } from "../../tools/room/manifests.ts";
import { type Scene, useScene } from "./scene.ts";
import { wired } from "./wired.ts";

const scene = useScene({ zone: "past", machines: 12, rackArgs: ["--linger-seconds", "1"] });

/** What a machine's kernel would be told if it booted now; `null`: no agent for it. */
async function bootOf(s: Scene, { board }: MachineConfig): Promise<BootParameters | null> {
  const [mac] = board.macs;
  const url = `http://${await s.rackAddress()}:6080/boot?mac=${mac}&uuid=${board.uuid}&arch=amd64`;
  const script = await (await fetch(url)).text();
  const kernel = script.split("\n").find((line) => line.trim().startsWith("kernel")) ?? "";
  return readBootParameters(kernel);
}

/** An agent that is moved by hand, for a machine whose power and boots do nothing. */
async function agentOf(boot: BootParameters, s: Scene): Promise<Rack> {
  const connections = rackConnections(await zoneCa(boot, s.signal));
  return new Rack(boot.api, connections, makeAgentKey(), systemClock);
}

const hello = (agent: Rack, boot: BootParameters, server: MachineConfig, s: Scene) => {
  const { macs, uuid, serial } = server.board;
  const who = { token: boot.token, macAddresses: [...macs], systemUUID: uuid, serial };
  return agent.hello(who, s.signal);
};

/** Ready, and from then on nothing happens to it but what the test does. */
async function readyByHand(s: Scene): Promise<MachineConfig> {
  const server = s.server();
  await s.enrol(server);
  await s.phase(server.name, "Ready");
  await expect.poll(async () => (await s.seen(server.name)).power, { timeout: 30_000 }).toBe("Off");
  const faults = { ignorePower: true, ignoreBoot: true };
  await s.room.admin.edit(server.name, { faults }, s.signal);
  return server;
}

const orderDeploy = async (s: Scene, { name }: MachineConfig, more: object = {}): Promise<void> => {
  await s.edit(name, { deploy: { imageRef: { name: s.room.image.name }, ...more } });
  await s.untilTask(name, "a Deploy", ({ spec }) => spec.type === "Deploy");
};

/** Resolves once the Deploy was called off by its owner. */
const callOff = async (s: Scene, { name }: MachineConfig): Promise<void> => {
  await s.edit(name, { deploy: null });
  const isOver = "Canceled";
  await s.untilTask(
    name,
    isOver,
    ({ spec, status }) => spec.type === "Deploy" && status?.state === isOver,
  );
};

async function due(s: Scene, server: MachineConfig): Promise<BootParameters> {
  let boot: BootParameters | null = null;
  await expect
    .poll(
      async () => {
        boot = await bootOf(s, server);
        return boot;
      },
      { timeout: 20_000 },
    )
    .not.toBeNull();
  if (boot === null) throw new Error("no agent is due");
  return boot;
}

describe("an old agent", () => {
  it("that comes back after its task was called off is refused whatever it asks", async () => {
    const s = scene();
    const server = await readyByHand(s);
    await orderDeploy(s, server);
    const boot = await due(s, server);
    using agent = await agentOf(boot, s);
    const welcome: Welcome = await hello(agent, boot, server, s);
    expect(welcome.order?.type).toBe("Deploy");
    const task = welcome.order?.task ?? "";

    await callOff(s, server);

    await expect(agent.report({ task, state: "Running" }, s.signal)).rejects.toThrow(/Ended/);
    await expect(agent.report({ task, state: "Succeeded" }, s.signal)).rejects.toThrow(/Ended/);
    await expect(agent.seed(s.signal)).rejects.toMatchObject({ name: "Refused" });
    await expect(agent.next(0, s.signal)).rejects.toThrow(/Revoked/);
    await expect(hello(agent, boot, server, s)).rejects.toMatchObject({ name: "Refused" });

    // It was granted, and may have begun to write: its machine, switched on, gets an Erase alone.
    await s.untilTask(server.name, "an Erase", ({ spec }) => spec.type === "Erase");
    await s.room.admin.edit(server.name, { press: "on" }, s.signal);
    await s.untilTask(
      server.name,
      "erased",
      ({ spec, status }) => spec.type === "Erase" && status?.state === "Succeeded",
    );
    expect((await s.seen(server.name)).counters).toMatchObject({
      diskWrites: 0,
      erases: server.disks.length,
    });
    await expect(agent.report({ task, state: "Succeeded" }, s.signal)).rejects.toThrow(/Ended/);
    expect(s.history.wrongs()).toEqual([]);
  });

  it("that shows a token which no rack gave out is refused and counted", async () => {
    const s = scene();
    const server = await readyByHand(s);
    await orderDeploy(s, server);
    const boot = await due(s, server);
    using agent = await agentOf(boot, s);
    const [payload = "", seal = ""] = boot.token.split(".");
    const forged = `${payload}.${seal.slice(1)}${seal.slice(0, 1)}`;

    await expect(hello(agent, { ...boot, token: forged }, server, s)).rejects.toThrow(/Forged/);
    expect(await s.counted("hello", "Forged")).toBeGreaterThan(0);
    const other = s.server();
    await expect(hello(agent, boot, other, s)).rejects.toThrow(/IdentityConflict/);
    await s.deployed(other);
  });

  it("of which a second one shows the same token is refused, and the first one stopped", async () => {
    const s = scene();
    const server = await readyByHand(s);
    await orderDeploy(s, server);
    const boot = await due(s, server);
    using first = await agentOf(boot, s);
    using second = await agentOf(boot, s);
    const { order } = await hello(first, boot, server, s);

    await expect(hello(second, boot, server, s)).rejects.toThrow(/BootConflict/);
    const report = { task: order?.task ?? "", state: "Running" } as const;
    await expect(first.report(report, s.signal)).rejects.toThrow(/Ended/);
    expect(s.history.wrongs()).toEqual([]);
  });
});

describe("user data", () => {
  const userData = "#cloud-config\nhostname: mine\n";

  it("lies in the zone's namespace while its task runs, and no longer", async () => {
    const s = scene();
    const server = await readyByHand(s);
    const metadata = { name: "user-data", namespace: NAMESPACE };
    const secret = { apiVersion: "v1", kind: "Secret", metadata, type: USER_DATA_TYPE };
    await s.apply({ ...secret, stringData: { userData } });
    await orderDeploy(s, server, { userDataSecretRef: { name: "user-data" } });
    const boot = await due(s, server);
    using agent = await agentOf(boot, s);
    const { order } = await hello(agent, boot, server, s);

    const task = s.tasksOf(server.name).find(({ metadata }) => metadata.name === order?.task);
    const data = { userData: Buffer.from(userData).toString("base64") };
    expect(await s.seedOf(task)).toMatchObject({ type: USER_DATA_TYPE, data });
    expect((await agent.seed(s.signal))["user-data"]).toContain("hostname: mine");

    await callOff(s, server);
    await expect.poll(() => s.seedOf(task), { timeout: 30_000 }).toBeNull();
  });
});

describe("a rack that was cut off with an old task", () => {
  it("hands out nothing to the agent that boots meanwhile, nor once it knows better", async () => {
    const s = scene();
    await using cut = await rackOverWire(s);
    const server = await readyByHand(s);
    await orderDeploy(s, server);
    const boot = await due(s, server);
    using agent = await agentOf(boot, s);

    cut.wire.cut();
    // What its view says is due it still boots; the agent that comes up is the simulator's own.
    const busy = await s.counted("api-http", "503");
    await s.room.admin.edit(server.name, { press: "on" }, s.signal);
    await expect
      .poll(() => s.counted("api-http", "503"), { timeout: 30_000 })
      .toBeGreaterThan(busy + 1); // it comes again
    await expect(hello(agent, boot, server, s)).rejects.toThrow(/HTTP 503/);
    await callOff(s, server);
    await expect(hello(agent, boot, server, s)).rejects.toThrow(/HTTP 503/);
    expect((await s.seen(server.name)).power).toBe("On");
    cut.wire.mend();

    await expect
      .poll(async () => (await s.seen(server.name)).power, { timeout: 60_000 })
      .toBe("Off"); // by its own agent: the BMC takes no orders
    await expect
      .poll(() => hello(agent, boot, server, s).catch((error: unknown) => error), {
        timeout: 30_000,
      })
      .toMatchObject({ name: "Refused" });
    expect(s.history.granted(server.name, "Deploy")).toBe(0);
    const { counters, disks } = await s.seen(server.name);
    expect(counters).toMatchObject({ diskWrites: 0, erases: 0 });
    expect(disks.every(({ content }) => content.kind === "blank")).toBe(true);
  });
});

/** The zone's rack with a way to the API server that can be cut; disposed of, it is as before. */
async function rackOverWire(s: Scene): Promise<{ readonly wire: Wire } & AsyncDisposable> {
  const kubeconfig = await s.room.installed.rackKubeconfig(s.zone, s.signal);
  const { wire, kubeconfig: over } = await wired(s.room, kubeconfig);
  const start = async (flags: readonly string[]): Promise<void> => {
    await s.room.racks.get(s.zone)?.[Symbol.asyncDispose]();
    await s.room.startRack(s.zone, flags);
  };
  await start(["--kubeconfig", over]);
  return {
    wire,
    [Symbol.asyncDispose]: async () => {
      await start([]);
      await wire[Symbol.asyncDispose]();
    },
  };
}

describe("an unknown MAC on the wire", () => {
  it("gets an address and nothing to boot where we serve DHCP, and silence where another does", async () => {
    const s = scene();
    const rack = (await s.rackAddress()) as Ipv4;
    const net = rack.replace(/\.255\.1$/, "");
    const dynamic = [{ from: `${net}.200.1`, to: `${net}.200.9` }];
    await subnet(s, (one) => ({ ...one, ranges: { ...one.ranges, dynamic } }));
    const server = { address: rack, port: 6_767 };
    await using relay = await DhcpRelay.open(`${net}.255.3` as Ipv4, server, s.signal);
    relay.firstWait = seconds(0.2);
    const mac = parseMac("02:00:5e:00:53:01") ?? expect.fail();
    const rom = {
      vendorClass: "PXEClient:Arch:00007:UNDI:003000",
      clientArch: [7],
      messageType: "Discover",
    } as const;
    const ask = () => relay.ask(mac, rom, s.signal);

    await expect.poll(async () => (await ask())?.yiaddr, { timeout: 30_000 }).toMatch(/\.200\./);
    const offer = await ask();
    expect([offer?.options.bootFile ?? "", offer?.file]).toEqual(["", ""]);

    await subnet(s, (one) => ({ ...one, dhcp: "Proxy" }));
    await expect.poll(ask, { timeout: 60_000 }).toBeNull();
    await subnet(s, (one) => ({ ...one, dhcp: "Server" }));
  });
});

type Subnet = NonNullable<Zone["spec"]["subnets"]>[number];

async function subnet(s: Scene, change: (one: Subnet) => Subnet): Promise<void> {
  const zone = await s.client.get<Zone>(KINDS.zone, { name: s.zone }, s.signal);
  const subnets = (zone?.spec.subnets ?? []).map(change);
  await s.client.mergePatch(KINDS.zone, { name: s.zone }, { spec: { subnets } }, {}, s.signal);
}
