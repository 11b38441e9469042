/** Machines at rest, made after one that came to rest by itself: nobody need know what that looks like. */
import { KINDS } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineTask } from "#api/machine-task.ts";
import { systemClock } from "#base/clock.ts";
import { seconds } from "#base/duration.ts";
import { fromNumber } from "#base/ipv4.ts";
import type { KubeObject, Resource } from "#base/object.ts";
import type { Draft, KubeClient } from "#kube/client.ts";
import type { MachineConfig } from "#sim/fleet.ts";

/** A Machine with its newest tasks, and the server that it stands for. */
export interface Template {
  readonly machine: Machine;
  readonly tasks: readonly MachineTask[];
  readonly server: MachineConfig;
  readonly fingerprint: string;
}

export interface Clone {
  readonly server: MachineConfig;
  readonly address: string;
  readonly fingerprint: string;
  /** Default: the template's. */
  readonly power?: "On" | "Off";
  /** Tells its addresses apart from all others'. */
  readonly number: number;
}

/** Creates a Machine and its tasks with the status that the template's have, where that can be. */
export async function clone(
  client: KubeClient,
  template: Template,
  to: Clone,
  signal: AbortSignal,
): Promise<void> {
  const words = wordsOf(template, to);
  const rename = <T extends KubeObject>(object: T): T => swap(object, words);
  const { metadata, spec, status } = rename(template.machine);
  const { name, namespace = "", annotations = {}, finalizers = [] } = metadata;
  const power = to.power === undefined ? {} : { power: to.power };
  const made = await create<Machine>(
    client,
    KINDS.machine,
    {
      metadata: { name, namespace, annotations, finalizers },
      spec: { ...spec, bmc: { ...spec.bmc, address: to.address } },
      status: { ...status, ...power },
    },
    signal,
  );
  const { uid } = made.metadata;
  // The names of its tasks begin with its own UID, which only now is known: an earlier machine's are hearsay.
  words.set(template.machine.metadata.uid.slice(0, 8), uid.slice(0, 8));
  const named = rename(template.machine);
  await client.mergePatch(
    KINDS.machine,
    { namespace, name },
    {
      metadata: { annotations: named.metadata.annotations ?? {} },
      // Such a write counts as one of the spec, as long as the status is no subresource.
      status: { applied: named.status?.applied, task: named.status?.task, observedGeneration: 2 },
    },
    {},
    signal,
  );
  const cloneTask = async (original: MachineTask): Promise<unknown> => {
    const task = rename(original);
    const { labels = {}, ownerReferences = [] } = task.metadata;
    const owners = ownerReferences.map((owner) => ({ ...owner, uid }));
    return create(
      client,
      KINDS.machineTask,
      {
        metadata: { name: task.metadata.name, namespace, labels, ownerReferences: owners },
        spec: { ...task.spec, machineRef: { ...task.spec.machineRef, uid } },
        status: task.status,
      },
      signal,
    );
  };
  await Promise.all(template.tasks.map(cloneTask));
}

const CRDS: Resource = {
  ...{ group: "apiextensions.k8s.io", version: "v1", namespaced: false },
  ...{ kind: "CustomResourceDefinition", plural: "customresourcedefinitions" },
};

interface Version {
  readonly subresources?: { readonly status?: object };
}

/**
 * Runs `work` while objects of these kinds may be made with a status: one request each then, not
 * two, of which the second costs the API server three times as much.
 */
export async function withStatusAtOnce(
  client: KubeClient,
  resources: readonly Resource[],
  work: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const restore: (() => Promise<unknown>)[] = [];
  for (const { plural, group } of resources) {
    const at = { name: `${plural}.${group}` };
    const set = (versions: readonly Version[]): Promise<unknown> =>
      client.mergePatch(CRDS, at, { spec: { versions } }, {}, signal);
    const found = await client.get<KubeObject<{ versions: Version[] }>>(CRDS, at, signal);
    const versions = found?.spec?.versions ?? [];
    restore.push(() => set(versions));
    await set(
      versions.map(({ subresources: { status: _, ...rest } = {}, ...version }) => ({
        ...version,
        subresources: rest,
      })),
    );
  }
  const settled = (): Promise<void> => systemClock.sleep(seconds(5), signal); // no word comes of it
  await settled();
  await work();
  for (const back of restore) await back();
  await settled();
}

/** Who the template is, wherever that stands in an object, becomes who the clone is. */
function wordsOf({ server, machine, fingerprint }: Template, to: Clone): Map<string, string> {
  const ips = machine.status?.addresses?.map(({ ip }) => ip) ?? [];
  return new Map<string, string>([
    [server.name, to.server.name],
    [server.board.uuid, to.server.board.uuid],
    [server.board.serial, to.server.board.serial],
    [fingerprint, to.fingerprint],
    ...server.board.macs.map((mac, at) => [mac, to.server.board.macs[at] ?? mac] as const),
    ...server.disks.flatMap(({ wwn, serial }, at) => [
      [wwn, to.server.disks[at]?.wwn ?? wwn] as const,
      [serial, to.server.disks[at]?.serial ?? serial] as const,
    ]),
    ...ips.map((ip, at) => [ip, addressAfter(ip, ips.length * to.number + at)] as const),
  ]);
}

const addressAfter = (ip: string, by: number): string => {
  const [a = 0, b = 0] = ip.split(".").map(Number);
  return fromNumber(((a * 256 + b) * 256 + 8) * 256 + by);
};

function swap<T extends KubeObject>(object: T, words: ReadonlyMap<string, string>): T {
  let text = JSON.stringify(object);
  for (const [from, to] of words) text = text.replaceAll(from, to);
  return JSON.parse(text);
}

async function create<T extends KubeObject>(
  client: KubeClient,
  resource: Resource,
  draft: object,
  signal: AbortSignal,
): Promise<T> {
  const made = await client.create<T>(resource, draft as Draft, signal);
  if (made === null) throw new Error(`${resource.kind}: there is one already`);
  return made;
}
