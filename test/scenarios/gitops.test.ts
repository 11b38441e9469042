/**
 * The examples in Git, applied as Argo CD applies them: wave after wave, each waiting until the last
 * is healthy by our own scripts. Then nothing differs, and applying them again changes nothing.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import { beforeAll, describe, expect, it } from "vitest";
import { API_VERSION, KINDS } from "#api/group.ts";
import type { MachineClaim } from "#api/machine-claim.ts";
import type { MachinePool } from "#api/machine-pool.ts";
import type { Zone } from "#api/zone.ts";
import { systemClock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import type { MachineConfig } from "#sim/fleet.ts";
import { Applier, ARGO, compared, drift, FLUX, type Live, waves } from "#test/cluster/argo.ts";
import { uniqueName, useCluster } from "#test/cluster/harness.ts";
import { ROOT } from "#test/cluster/install.ts";
import { kubectl } from "#test/cluster/kubectl.ts";
import { SCRIPTED, scriptOf } from "../../tools/gitops/cases.ts";
import { luaHealth } from "../../tools/gitops/lua.ts";
import type { ImageFile, Manifest } from "../../tools/room/manifests.ts";
import { type Scene, useScene } from "./scene.ts";

const ZONE = "gitops";
const NAMESPACE = uniqueName("gitops");
const TENANT = `${NAMESPACE}-tenant`;
const scene = useScene({ zone: ZONE, machines: 6, speed: 200 });

const example = (file: string): readonly Manifest[] =>
  loadAll(readFileSync(join(ROOT, "examples", file), "utf8")) as Manifest[];

/** The same document with each string that is one of these replaced, wherever it stands. */
function renamed<T>(value: T, names: Readonly<Record<string, string>>): T {
  const text = JSON.stringify(value, (_, one) =>
    typeof one === "string" ? (names[one] ?? one) : one,
  );
  return JSON.parse(text) as T;
}

type Fields = Record<string, unknown>;
const withSpec = (manifest: Manifest, more: Fields): Manifest => ({
  ...manifest,
  spec: { ...(manifest["spec"] as Fields), ...more },
});

/** What is cluster-scoped, so that files do not meet in one name. */
const NAMES = {
  "hardware-east": NAMESPACE,
  "team-a": TENANT,
  "steelyard-catalog-tenants": `steelyard-catalog-${TENANT}`,
  east: ZONE,
  west: ZONE,
  "debian-12": `${NAMESPACE}-debian`,
  "worker-2026-11-20": `${NAMESPACE}-worker`,
  "dell-r650": `${NAMESPACE}-r650`,
};

const FILES = [
  "zone-for-tenants.yaml",
  "enroll-a-machine.yaml",
  "custom-image.yaml",
  "hardware-profile.yaml",
  "claim.yaml",
  "pool.yaml",
];

/** The examples, and four free machines; what has one name in two files is in Git once. */
function documents(): readonly Manifest[] {
  const all = FILES.flatMap((file) => renamed(example(file), NAMES));
  const one = all.find(({ kind }) => kind === "Machine") as Manifest;
  const free = ["a", "b", "c", "d"].map((name) => ({
    ...withSpec(one, { deploy: undefined }),
    metadata: { ...one.metadata, name: `free-${name}` },
  }));
  const known = new Set<string>();
  return [...all, ...free].filter(({ kind, metadata: { namespace, name } }) => {
    const id = `${kind} ${namespace} ${name}`;
    return known.size < known.add(id).size;
  });
}

/** What a person has to change in an example: the network, the BMC, the image, the hardware. */
async function fitted(s: Scene): Promise<readonly Manifest[]> {
  const { spec } = (await s.client.get<Zone>(KINDS.zone, { name: ZONE }, s.signal)) ?? {};
  const subnets = spec?.subnets?.map(({ name, cidr, dhcp, relayed, ranges }) => ({
    ...{ name, cidr, dhcp, relayed, ranges }, // what has a default is left out, as a person does
  }));
  const images = [s.room.image, s.room.images.add("worker")];
  const fit: Record<string, (one: Manifest) => Manifest> = {
    Zone: (one) => withSpec(one, { subnets }),
    OSImage: (one) => withSpec(one, { artifacts: [artifactOf(images.shift())] }),
    Machine: (one) => withSpec(one, hardwareOf(s.server(), one)),
    MachineClaim: (one) => withSpec(one, { requirements: { disks: [{ minSizeGiB: 400 }] } }),
    Secret: (one) =>
      one["type"] === "kubernetes.io/basic-auth"
        ? { ...one, stringData: { username: "admin", password: "simulated" } }
        : one,
  };
  return documents().map((one) => fit[one.kind]?.(one) ?? one);
}

function artifactOf(image: ImageFile | undefined): Fields {
  const { name: _, ...artifact } = image ?? {};
  return { architecture: "amd64", format: "raw", ...artifact };
}

function hardwareOf({ endpoint, board }: MachineConfig, { spec }: Manifest): Fields {
  const { bmc } = spec as { bmc: Fields };
  const address = `redfish://${endpoint.host}:${endpoint.port}`;
  return {
    bmc: { ...bmc, address, credentialsRef: { name: "east-r1-u12-bmc" } },
    boot: { macAddresses: [...board.macs] },
  };
}

const isOurs = ({ apiVersion, kind }: Manifest): boolean =>
  apiVersion === API_VERSION && SCRIPTED.includes(kind);

/** As Argo CD would say it; a kind without a script is well once it is there. */
function unwell(objects: readonly Live[]): readonly string[] {
  return objects.filter(isOurs).flatMap((object) => {
    const { status, message } = luaHealth(scriptOf(object.kind), object);
    const { kind, metadata } = object;
    return status === "Healthy" ? [] : [`${kind} ${metadata.name}: ${status}: ${message}`];
  });
}

async function untilWell(
  look: () => Promise<readonly Live[]>,
  patience: AbortSignal,
): Promise<void> {
  for (;;) {
    const not = unwell(await look());
    if (not.length === 0) return;
    if (patience.aborted) throw new Error(`not within its time: ${not.join("\n")}`);
    await systemClock.sleep(seconds(1), new AbortController().signal);
  }
}

describe("the examples in Git", () => {
  let manifests: readonly Manifest[] = [];
  let argo: Applier;
  const versions = (objects: readonly Live[]) =>
    objects.map(({ kind, metadata }) => [kind, metadata.name, metadata.resourceVersion]);

  beforeAll(async () => {
    const s = scene();
    argo = new Applier(useCluster(), ARGO);
    manifests = await fitted(s);
    s.goesToo(manifests.filter(isOurs).toReversed());
    for (const wave of waves(manifests)) {
      await argo.apply(wave, s.signal);
      await untilWell(() => argo.live(wave, s.signal), AbortSignal.timeout(180_000));
    }
    s.goesToo(await claims(s));
    await settled(s);
  });

  /** Those of the pool as well. */
  async function claims(s: Scene): Promise<readonly Manifest[]> {
    const { items } = await s.client.list<MachineClaim>(
      KINDS.machineClaim,
      { namespace: TENANT },
      s.signal,
    );
    const [kind, apiVersion] = [KINDS.machineClaim.kind, API_VERSION];
    return items.map(({ metadata }) => ({
      apiVersion,
      kind,
      metadata: { name: metadata.name, namespace: TENANT },
    }));
  }

  /** The zone is summed up a little later, and so are images, pools and profiles. */
  async function settled(s: Scene): Promise<void> {
    const sum = async (): Promise<number | undefined> =>
      (await s.client.get<Zone>(KINDS.zone, { name: ZONE }, s.signal))?.status?.machinesByPhase?.[
        "Deployed"
      ];
    while ((await sum()) !== 6) await systemClock.sleep(seconds(0.5), s.signal);
    for (let before = "", now = " "; before !== now; ) {
      before = now;
      await systemClock.sleep(seconds(1), s.signal);
      now = JSON.stringify(versions(await argo.live(manifests, s.signal)));
    }
  }

  it("are healthy wave after wave, and the machines run what they say", async () => {
    const s = scene();
    const live = await argo.live(manifests, s.signal);
    const phases = live.flatMap((one) =>
      one.kind === "Machine" ? [(one["status"] as { phase: string }).phase] : [],
    );
    expect(waves(manifests).map((wave) => [...new Set(wave.map(({ kind }) => kind))])).toEqual([
      ["ClusterRoleBinding", "Namespace", "RoleBinding"],
      ["Zone"],
      ["OSImage", "Secret", "HardwareProfile"],
      ["Machine"],
      ["MachineClaim", "MachinePool"],
    ]);
    expect(phases).toEqual(Array.from({ length: 6 }, () => "Deployed"));
    expect(await claims(s)).toHaveLength(4);
  });

  it("do not differ from what is there, by Argo CD's server-side diff", async () => {
    const { signal } = scene();
    const predicted = await argo.predict(manifests, signal);
    expect(predicted.map(compared)).toEqual((await argo.live(manifests, signal)).map(compared));
  });

  it("do not differ by Argo CD's plain diff either, in which a default within a list would", async () => {
    const live = await argo.live(manifests, scene().signal);
    const found = manifests.flatMap((manifest, at) =>
      manifest.kind === "Secret" ? [] : drift(manifest, live[at]),
    );
    expect(found).toEqual([]);
  });

  it("change nothing when they are applied again: no object, and no machine", async () => {
    const s = scene();
    const names = (s.room.servers.get(ZONE) ?? []).map(({ name }) => name);
    const done = () =>
      Promise.all(
        names.map(async (name) => {
          const { diskWrites, erases, resets } = (await s.seen(name)).counters;
          return { diskWrites, erases, resets };
        }),
      );
    const before = { objects: await argo.live(manifests, s.signal), done: await done() };
    expect(before.done.every(({ diskWrites }) => diskWrites > 0)).toBe(true);
    await argo.apply(manifests, s.signal);
    const after = { objects: await argo.live(manifests, s.signal), done: await done() };
    expect(versions(after.objects)).toEqual(versions(before.objects));
    expect(after.done).toEqual(before.done);
  });

  it("are taken over by Flux without a difference: kubectl diff ends with 0", async () => {
    const flux = new Applier(useCluster(), FLUX);
    expect(await flux.diff(manifests, scene().signal)).toBe("");
  });

  it("cannot be pruned by mistake where that would erase a machine, or lose it", async () => {
    const { signal } = scene();
    const guarded = manifests.filter(({ kind }) =>
      ["Namespace", "Zone", "Machine", "MachineClaim"].includes(kind),
    );
    const refused = await Promise.all(
      guarded.map(async ({ kind, metadata: { name, namespace } }) => {
        const where = namespace === undefined ? [] : ["-n", namespace];
        const how = ["delete", kind, name, ...where, "--wait=false"];
        return await kubectl(useCluster(), how, signal).catch((error: Error) => error.message);
      }),
    );
    expect(refused.filter((told) => !told.includes("denied request"))).toEqual([]);
  });

  it("leave alone what kubectl scale, or an autoscaler, wrote", async () => {
    const { client, signal } = scene();
    await kubectl(useCluster(), ["scale", "-n", TENANT, "mpool/workers", "--replicas=4"], signal);
    await argo.apply(manifests, signal);
    const at = { namespace: TENANT, name: "workers" };
    const pool = await client.get<MachinePool>(KINDS.machinePool, at, signal);
    expect(pool?.spec.replicas).toBe(4);
    expect(await argo.diff(manifests, signal)).toBe("");
  });
});
