import { API_VERSION, KINDS } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import type { MachineTask } from "#api/machine-task.ts";
import type { KubeObject } from "#base/object.ts";
import { type ApiAccess, apiRequest } from "../cluster/request.ts";
import { type Manifest, NAMESPACE } from "./manifests.ts";

const PLURALS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.values(KINDS).map(({ kind, plural }) => [kind, plural])),
  Secret: "secrets",
};

function pathOf({ apiVersion, kind, metadata }: Manifest): string {
  const base = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const scope = metadata.namespace === undefined ? "" : `/namespaces/${metadata.namespace}`;
  return `${base}${scope}/${PLURALS[kind]}`;
}

/** Creates an object; one that is there already is an error. */
export async function applyManifest(
  cluster: ApiAccess,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<void> {
  const { kind, metadata } = manifest;
  const { status, body } = await apiRequest(cluster, "POST", pathOf(manifest), manifest, signal);
  if (status !== 201) throw new Error(`${kind} ${metadata.name}: ${body}`);
}

/** What an admission policy guards is let go of first. */
const LET_GO: Readonly<Record<string, readonly [subresource: string, patch: object]>> = {
  Machine: ["", { spec: { paused: true, protected: false } }],
  MachineClaim: ["", { spec: { protected: false } }],
  MachinePool: ["", { spec: { protected: false } }],
  Zone: ["/status", { status: { machines: 0 } }],
  OSImage: ["/status", { status: { usedBy: 0 } }],
};

/** Deletes objects as they stand, with nobody there who could take their finalizers away. */
export async function sweep(cluster: ApiAccess, manifests: readonly Manifest[]): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  for (const manifest of manifests) {
    const path = `${pathOf(manifest)}/${manifest.metadata.name}`;
    const [subresource, patch] = LET_GO[manifest.kind] ?? ["", {}];
    await apiRequest(cluster, "PATCH", `${path}${subresource}`, patch, signal);
    await apiRequest(cluster, "PATCH", path, { metadata: { finalizers: null } }, signal);
    await apiRequest(cluster, "DELETE", path, undefined, signal);
  }
}

export async function makeNamespace(
  cluster: ApiAccess,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  const { status, body: text } = await apiRequest(
    cluster,
    "POST",
    "/api/v1/namespaces",
    body,
    signal,
  );
  if (status !== 201 && status !== 409) throw new Error(text);
}

async function listed<T extends KubeObject>(
  cluster: ApiAccess,
  plural: string,
  signal: AbortSignal,
): Promise<readonly T[]> {
  const path = `/apis/${API_VERSION}/${plural}`;
  const { status, body } = await apiRequest(cluster, "GET", path, undefined, signal);
  if (status !== 200) throw new Error(body);
  return (JSON.parse(body) as { items: T[] }).items;
}

export const machinesOf = (cluster: ApiAccess, signal: AbortSignal): Promise<readonly Machine[]> =>
  listed<Machine>(cluster, KINDS.machine.plural, signal);

export const tasksOf = (cluster: ApiAccess, signal: AbortSignal): Promise<readonly MachineTask[]> =>
  listed<MachineTask>(cluster, KINDS.machineTask.plural, signal);

/** Changes a Machine as a person with kubectl would: a merge patch. */
export async function editMachine(
  cluster: ApiAccess,
  name: string,
  patch: object,
  signal: AbortSignal,
  subresource: "" | "/status" = "",
): Promise<void> {
  const path = `/apis/${API_VERSION}/namespaces/${NAMESPACE}/machines/${name}${subresource}`;
  const { status, body } = await apiRequest(cluster, "PATCH", path, patch, signal);
  if (status !== 200) throw new Error(`${name}: ${body}`);
}
