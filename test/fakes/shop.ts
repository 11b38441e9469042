/** A room with a tenant, whose namespace the zone lets in. */
import { CORE, KINDS } from "#api/group.ts";
import type { MachineSpec } from "#api/machine.ts";
import type { MachineClaim, MachineClaimSpec } from "#api/machine-claim.ts";
import { seconds } from "#base/duration.ts";
import { deployDebian, Room, TENANT } from "./room.ts";

const soon = (): AbortSignal => AbortSignal.timeout(5_000);
const status = { subresource: "status" } as const;

const HARDWARE = {
  ...{ architecture: "amd64", memoryMiB: 16_384, disks: 1, diskGiB: 500 },
  ...{ nics: 1, maxLinkMbps: 10_000 },
};

export class Shop extends Room {
  /** With one machine that is Ready and nobody's. */
  static async ready(): Promise<Shop> {
    const room = await Shop.with();
    await room.makeReady();
    return room;
  }

  /** In which claim c runs debian on m1. */
  static async deployed(spec: Partial<MachineClaimSpec> = {}): Promise<Shop> {
    const room = await Shop.ready();
    await room.claim("c", { ...deployDebian, ...spec });
    await room.carryOut();
    return room;
  }

  /** Who is named in the first Machine's claimRef. */
  async holder(): Promise<string | undefined> {
    return (await this.machine()).status?.claimRef?.name;
  }

  /** A tenant's claim; the API server fills in these defaults. */
  async claim(
    name: string,
    spec: Partial<MachineClaimSpec> = {},
    namespace = TENANT,
  ): Promise<void> {
    const defaults = { adoptBound: false, priority: 0, updateStrategy: "OnDelete" };
    const full = { ...defaults, protected: false, ...spec };
    const draft = { metadata: { name, namespace }, spec: full };
    await this.cluster.create(KINDS.machineClaim, draft, soon());
    await this.settle();
  }

  async claimed(name: string): Promise<MachineClaim> {
    const found = await this.cluster.get<MachineClaim>(KINDS.machineClaim, at(name), soon());
    if (found === null) throw new Error(`no MachineClaim ${name}`);
    return found;
  }

  /** The condition's status and reason, as one word each. */
  async stands(type: string, name = "c"): Promise<string> {
    const { status: now } = await this.claimed(name);
    const found = now?.conditions?.find((condition) => condition.type === type);
    return `${found?.status} ${found?.reason}`;
  }

  /** What people read of it. */
  async says(name = "c"): Promise<string> {
    const { status: now } = await this.claimed(name);
    return now?.conditions?.find(({ type }) => type === "Ready")?.message ?? "";
  }

  async editClaim(name: string, spec: object): Promise<void> {
    await this.cluster.mergePatch(KINDS.machineClaim, at(name), { spec }, {}, soon());
    await this.settle();
  }

  /** `force`: without its finalizer, as somebody does who wants it gone. */
  async deleteClaim(name: string, force = false): Promise<void> {
    const finalizers = { metadata: { finalizers: null } };
    if (force) await this.cluster.mergePatch(KINDS.machineClaim, at(name), finalizers, {}, soon());
    await this.cluster.delete(KINDS.machineClaim, at(name), {}, soon());
    await this.settle();
  }

  async loseClaimStatus(name: string): Promise<void> {
    const { status: now } = await this.claimed(name);
    const gone = Object.fromEntries(Object.keys(now ?? {}).map((key) => [key, null]));
    await this.cluster.mergePatch(KINDS.machineClaim, at(name), { status: gone }, status, soon());
  }

  async labelNamespace(labels: Record<string, string>): Promise<void> {
    const metadata = { name: TENANT, labels };
    await this.cluster.create(CORE.namespace, { metadata }, soon());
    await this.settle();
  }

  async openZone(claimNamespaces: object): Promise<void> {
    const spec = { claimNamespaces: { names: null, matchLabels: null, ...claimNamespaces } };
    await this.cluster.mergePatch(KINDS.zone, { name: "a" }, { spec }, {}, soon());
    await this.settle();
  }

  /** Another OSImage than debian. */
  async image(name: string): Promise<void> {
    const digest = `sha256:${"b".repeat(64)}`;
    const what = { architecture: "amd64", format: "raw", compression: "none", sectorSize: 512 };
    const artifacts = [{ ...what, url: "http://images/other", digest }];
    const spec = { artifacts, readiness: "PhoneHome" };
    await this.cluster.create(KINDS.osImage, { metadata: { name }, spec }, soon());
  }

  async profile(name: string, match: object): Promise<void> {
    const spec = { match, kexec: false };
    await this.cluster.create(KINDS.hardwareProfile, { metadata: { name }, spec }, soon());
    await this.settle();
  }

  /** As a process writes it that led once. */
  async writeMachineStatus(name: string, change: object): Promise<void> {
    const ref = { namespace: "lab", name };
    await this.cluster.mergePatch(KINDS.machine, ref, { status: change }, status, soon());
  }

  /** The machine's first boot, until it is Ready. */
  async makeReady(): Promise<void> {
    await this.settle();
    await this.pass(seconds(3));
    await this.commission();
  }

  /** Another machine, that has been here for long. */
  async addReady(name: string, spec: Partial<MachineSpec> = {}): Promise<void> {
    await this.add(name, spec, { systemUuid: null });
    const { metadata } = await this.machine(name);
    const since = { lastTransitionTime: "2026-01-01T00:00:00Z", reason: "Ready", message: "" };
    await this.writeMachineStatus(name, {
      observedGeneration: metadata.generation,
      phase: "Ready",
      epoch: 1,
      boot: "Hold",
      hardware: { ...HARDWARE, cpus: 64 },
      applied: { disk: "Erased", nonces: {} },
      conditions: [{ type: "Ready", status: "True", ...since }],
    });
    await this.settle();
  }

  /** The agent does what the newest task says. */
  async carryOut(): Promise<void> {
    await this.grant();
    const { spec } = (await this.tasks()).at(-1) ?? {};
    if (spec?.type === "Deploy") await this.report({ state: "Written" });
    await this.report({ state: "Succeeded" });
  }
}

const at = (name: string) => ({ namespace: TENANT, name });
