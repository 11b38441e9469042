import { CORE, USER_DATA_TYPE, zoneNamespace } from "#api/group.ts";
import type { Machine } from "#api/machine.ts";
import { keyOf } from "#base/object.ts";
import { type Secret, type SecretReader, textOf } from "#controllers/secrets.ts";
import { isForbidden, isNotFound, type KubeClient } from "#kube/client.ts";
import type { UserData } from "./deps.ts";
import type { Trouble } from "./gather.ts";
import type { Wanted } from "./wanted.ts";

/** The keys of a user-data Secret, and of its copy in the zone's namespace. */
export const SEED_KEYS = ["userData", "networkData"] as const;

interface Source {
  readonly key: (typeof SEED_KEYS)[number];
  readonly name: string;
}

function sourcesOf({ deploy }: Wanted): readonly Source[] {
  const { userDataSecretRef, networkDataSecretRef } = deploy;
  return [
    ...(userDataSecretRef ? [{ key: "userData", name: userDataSecretRef.name } as const] : []),
    ...(networkDataSecretRef
      ? [{ key: "networkData", name: networkDataSecretRef.name } as const]
      : []),
  ];
}

/** Looks at the Secrets that a deploy names; `hash` makes a short fingerprint of their contents. */
export async function readUserData(
  wanted: Wanted,
  secrets: SecretReader,
  hash: (text: string) => string,
  signal: AbortSignal,
): Promise<UserData> {
  const seed = await collect(wanted, secrets, signal);
  return "trouble" in seed ? seed : { hash: hash(JSON.stringify(seed.data)) };
}

type Seed = { readonly trouble: Trouble } | { readonly data: Readonly<Record<string, string>> };

async function collect(wanted: Wanted, secrets: SecretReader, signal: AbortSignal): Promise<Seed> {
  const data: Record<string, string> = {};
  const { namespace } = wanted;
  for (const { key, name } of sourcesOf(wanted)) {
    const secret = await secrets.get({ namespace, name }, signal).catch(forbidden);
    const trouble =
      secret === "forbidden" ? shut(namespace) : wrongWith(secret, { namespace, name, key });
    if (trouble !== null) return { trouble };
    if (secret !== "forbidden") data[key] = secret?.data?.[key] ?? "";
  }
  return { data };
}

/** Nobody let us in to this namespace's Secrets: its people must know. */
function forbidden(error: unknown): "forbidden" {
  if (isForbidden(error)) return "forbidden";
  throw error;
}

const shut = (namespace: string): Trouble => ({
  reason: "SecretForbidden",
  message: `The operator may not read Secrets in namespace "${namespace}": bind the ClusterRole steelyard-operator-secrets there, with a RoleBinding for its ServiceAccount.`,
});

function wrongWith(
  secret: Secret | null,
  { namespace, name, key }: { namespace: string; name: string; key: string },
): Trouble | null {
  const what = `Secret "${name}" in namespace "${namespace}"`;
  if (secret === null)
    return { reason: "SecretNotFound", message: `There is no ${what}: create it.` };
  if (secret.type !== USER_DATA_TYPE) {
    const message = `${what} has type ${secret.type}: user data must be in one of type ${USER_DATA_TYPE}.`;
    return { reason: "SecretForbidden", message };
  }
  if (textOf(secret, key) !== undefined) return null;
  return { reason: "SecretNotFound", message: `${what} lacks the key ${key}.` };
}

/** Copies the seed to the zone's namespace under the task's name, where its racks may read it. */
export async function copySeed(
  machine: Machine,
  wanted: Wanted,
  name: string,
  { client, secrets }: { client: KubeClient; secrets: SecretReader },
  signal: AbortSignal,
): Promise<void> {
  const seed = await collect(wanted, secrets, signal);
  if ("trouble" in seed) return; // the plan has said so already; the task waits for no seed
  const namespace = zoneNamespace(machine.spec.zoneRef.name);
  const annotations = { "steelyard.dev/machine": keyOf(machine.metadata) };
  const object = {
    metadata: { name, namespace, annotations },
    type: USER_DATA_TYPE,
    data: seed.data,
  };
  await client.apply(
    CORE.secret,
    object,
    { fieldManager: "steelyard-operator", force: true },
    signal,
  );
}

/** Takes the copy away again. */
export async function dropSeed(
  client: KubeClient,
  zone: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const ref = { namespace: zoneNamespace(zone), name };
  await client.delete(CORE.secret, ref, {}, signal).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
}
