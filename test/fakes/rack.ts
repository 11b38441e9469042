import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rackName } from "#api/agent.ts";
import { CORE, KINDS, ZONE_KEYS_SECRET, zoneNamespace } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineTask } from "#api/machine-task.ts";
import { systemClock } from "#base/clock.ts";
import { parseIpv4 } from "#base/ipv4.ts";
import { createLog } from "#base/log.ts";
import { noMetrics } from "#kube/metrics.ts";
import { createCa, issueServer } from "#pki/certificate.ts";
import { DEFAULT_PORTS, type RackConfig } from "#rack/config.ts";
import { type RackDeps, type RunningRack, startRack } from "#rack/daemon.ts";
import type { PhoneCall } from "#rack/phone-home.ts";
import { readScript, TestAgent } from "./agent.ts";
import { FakeCluster } from "./cluster.ts";

const now = Date.now();
const ca = createCa("zone a", { now });
const server = issueServer(ca, { dns: [rackName("a")], ips: [] }, { now });
const hmacKey = randomBytes(32).toString("base64");

/** A rack of zone "a" on loopback, before an API server in memory. */
export class RackRig implements AsyncDisposable {
  readonly cluster: FakeCluster;
  /** "part event" → how often. */
  readonly counts = new Map<string, number>();
  readonly calls: PhoneCall[] = [];
  readonly #dir: string;
  readonly #agents: TestAgent[] = [];
  #stop = new AbortController();
  #rack: RunningRack | null = null;
  #ahead = 0;

  private constructor(dir: string) {
    this.#dir = dir;
    this.cluster = new FakeCluster({
      onCall: (call) => this.onCall(call),
    });
  }

  /** Sees each call to the API server; may throw. */
  onCall: NonNullable<ConstructorParameters<typeof FakeCluster>[0]>["onCall"] & object = () => {};

  static async start(change: Partial<RackConfig> = {}): Promise<RackRig> {
    const rig = new RackRig(await mkdtemp(join(tmpdir(), "rack-")));
    await rig.#prepare();
    await rig.boot(change);
    return rig;
  }

  async #prepare(): Promise<void> {
    const { signal } = this.#stop;
    for (const dir of ["boot", "agent"]) await mkdir(join(this.#dir, dir));
    await writeFile(join(this.#dir, "agent", "vmlinuz"), "a kernel");
    await writeFile(join(this.#dir, "boot", "snponly.efi"), "iPXE");
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    const data = {
      hmacKey: base64(hmacKey),
      "ca.crt": base64(ca.certificate),
      "tls.crt": base64(server.certificate),
      "tls.key": base64(server.key),
    };
    const metadata = { name: ZONE_KEYS_SECRET, namespace: zoneNamespace("a") };
    await this.cluster.create(CORE.secret, { metadata, data }, signal);
    const subnets = [
      { name: "lo", cidr: "127.0.0.0/8", dhcp: "Server", relayed: false, discovery: "Off" },
    ];
    const spec = { bootTrust: "Network", subnets };
    await this.cluster.create(KINDS.zone, { metadata: { name: "a" }, spec }, signal);
  }

  /** Starts a rack with what an earlier one has left. */
  async boot(change: Partial<RackConfig> = {}): Promise<void> {
    const dir = (name: string): string => join(this.#dir, name);
    const address = parseIpv4("127.0.0.1");
    if (address === null) throw new Error("no address");
    const config: RackConfig = {
      ...{ zone: "a", name: "r1", netboot: "Off", healthAddress: "127.0.0.1" },
      interfaces: [{ address }],
      ports: { ...DEFAULT_PORTS, http: 0, api: 0, health: 0, tftp: 0 },
      ...{ bootDir: dir("boot"), localLoader: "local.efi", agentDirs: { amd64: dir("agent") } },
      kernelArgs: ["console=ttyS0"],
      ...{
        imageDir: dir("images"),
        imageBytes: 1e9,
        imageStallSeconds: 30,
        leaseFile: dir("leases"),
      },
      ...{ lingerSeconds: 60, heartbeatSeconds: 10, statusSeconds: 0.05 },
      ...change,
    };
    this.#stop = new AbortController();
    this.#rack = await startRack(config, this.#deps(), this.#stop.signal);
    await this.#rack.ready(this.#stop.signal);
  }

  get isServing(): boolean {
    return this.#rack !== null;
  }

  /** The rack's clock goes on by so many milliseconds. */
  forward(time: number): void {
    this.#ahead += time;
  }

  #deps(): RackDeps {
    return {
      client: this.cluster,
      clock: { now: () => Date.now() + this.#ahead, sleep: systemClock.sleep },
      monotonic: () => performance.now(),
      random: Math.random,
      nonce: () => randomBytes(16).toString("base64url"),
      log: createLog("rack", "silent"),
      runtimeMetrics: noMetrics,
      count: (part, event) => {
        const key = `${part} ${event}`;
        this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
      },
      metrics: async () => "steelyard_rack_up 1\n",
      onPhoneHome: (call) => this.calls.push(call),
    };
  }

  get rack(): RunningRack {
    if (this.#rack === null) throw new Error("no rack runs");
    return this.#rack;
  }

  get url(): string {
    const [endpoint] = this.rack.endpoints;
    return `http://${endpoint?.address}:${endpoint?.httpPort}`;
  }

  /** As a crash does: nothing is said to anybody. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#rack?.[Symbol.asyncDispose]();
    this.#rack = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents) agent[Symbol.dispose]();
    await this.stop();
    await rm(this.#dir, { recursive: true });
  }

  /** Puts a machine or a task into the API, and waits until the rack can know of it. */
  async put<T extends Machine | MachineTask>(object: T): Promise<T> {
    const resource = "zone" in object.spec ? KINDS.machineTask : KINDS.machine;
    const { signal } = this.#stop;
    const { uid: _, resourceVersion: __, ...metadata } = object.metadata;
    const { spec, status } = object;
    let made = await this.cluster.create<T>(resource, { metadata, spec }, signal);
    if (made === null) throw new Error("the name is taken");
    if (status !== undefined && Object.keys(status).length > 0) {
      const options = { subresource: "status" } as const;
      made = await this.cluster.mergePatch<T>(resource, metadata, { status }, options, signal);
    }
    await settled();
    return made;
  }

  async task({ metadata }: MachineTask): Promise<MachineTask> {
    const { signal } = this.#stop;
    const task = await this.cluster.get<MachineTask>(KINDS.machineTask, metadata, signal);
    if (task === null) throw new Error("no such task");
    return task;
  }

  /** Ends a task as the operator does. */
  async end({ metadata }: MachineTask, state: "Canceled" | "Expired"): Promise<void> {
    const options = { subresource: "status" } as const;
    const { signal } = this.#stop;
    await this.cluster.mergePatch(
      KINDS.machineTask,
      metadata,
      { status: { state } },
      options,
      signal,
    );
    await settled();
  }

  get(path: string): Promise<Response> {
    return fetch(`${this.url}${path}`);
  }

  async script(mac = "52:54:00:00:00:01", uuid = ""): Promise<string> {
    return (await this.get(`/boot?mac=${mac}&uuid=${uuid}&arch=amd64`)).text();
  }

  /** A machine boots: what it got, and an agent of its own. */
  async bootAgent(): Promise<{ token: string; agent: TestAgent }> {
    const read = readScript(await this.script());
    if (read === null) throw new Error("it did not get the agent");
    return { token: read.token, agent: this.agent(read.api) };
  }

  get api(): string {
    const [endpoint] = this.rack.endpoints;
    return `${endpoint?.address}:${endpoint?.apiPort}`;
  }

  agent(api = this.api): TestAgent {
    const agent = new TestAgent(api, ca.certificate, rackName("a"));
    this.#agents.push(agent);
    return agent;
  }
}

/** Until the watches have brought what was written. */
export const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
