/** Does to an API server what Argo CD does: `kubectl apply --server-side`, then its comparisons. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dump } from "js-yaml";
import type { Manifest } from "../../tools/room/manifests.ts";
import { type Kubectl, kubectl } from "./kubectl.ts";

export type Live = Manifest & { readonly metadata: { readonly resourceVersion?: string } };

const WAVE = "argocd.argoproj.io/sync-wave";
export const ARGO = "argocd-controller";
export const FLUX = "kustomize-controller";

/** Groups by sync wave, the first to be applied first. */
export function waves(manifests: readonly Manifest[]): readonly (readonly Manifest[])[] {
  const waveOf = ({ metadata }: Manifest): number =>
    Number((metadata as { annotations?: Record<string, string> }).annotations?.[WAVE] ?? 0);
  const byWave = Map.groupBy(manifests, waveOf);
  return [...byWave].toSorted(([a], [b]) => a - b).map(([, wave]) => wave);
}

/** `kubectl apply` as a GitOps tool has it, under its name. */
export class Applier {
  readonly #cluster: Kubectl;
  readonly #manager: string;

  constructor(cluster: Kubectl, manager: string) {
    this.#cluster = cluster;
    this.#manager = manager;
  }

  /** The objects as they are then. */
  apply(manifests: readonly Manifest[], signal: AbortSignal): Promise<readonly Live[]> {
    return this.#run(["apply", ...this.#how], manifests, signal);
  }

  /** As they would be; nothing is written. */
  predict(manifests: readonly Manifest[], signal: AbortSignal): Promise<readonly Live[]> {
    return this.#run(["apply", "--dry-run=server", ...this.#how], manifests, signal);
  }

  live(manifests: readonly Manifest[], signal: AbortSignal): Promise<readonly Live[]> {
    return this.#run(["get"], manifests, signal);
  }

  /** What `kubectl diff` prints; nothing when it ends with 0. */
  async diff(manifests: readonly Manifest[], signal: AbortSignal): Promise<string> {
    return await this.#withFile(manifests, (file) =>
      kubectl(this.#cluster, ["diff", ...this.#how, "-f", file], signal),
    );
  }

  get #how(): readonly string[] {
    return ["--server-side", "--force-conflicts", `--field-manager=${this.#manager}`];
  }

  async #run(
    args: readonly string[],
    manifests: readonly Manifest[],
    signal: AbortSignal,
  ): Promise<readonly Live[]> {
    const told = await this.#withFile(manifests, (file) =>
      kubectl(this.#cluster, [...args, "-o", "json", "-f", file], signal),
    );
    const answer = JSON.parse(told) as Live & { readonly items?: readonly Live[] };
    return answer.items ?? [answer];
  }

  async #withFile<T>(manifests: readonly Manifest[], use: (file: string) => Promise<T>) {
    const folder = await mkdtemp(join(tmpdir(), "steelyard-argo-"));
    try {
      const file = join(folder, "manifests.yaml");
      await writeFile(file, manifests.map((one) => dump(one)).join("---\n"));
      return await use(file);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** What Argo CD compares: all but bookkeeping, and the status, which is not in Git. */
export function compared(object: Live): unknown {
  const { status: _, ...rest } = object;
  const {
    managedFields: _fields,
    resourceVersion: _version,
    ...metadata
  } = object.metadata as Record<string, unknown>;
  return { ...rest, metadata };
}

/**
 * Where an object is not as its manifest says, by Argo CD's comparison where nobody asked for
 * another: maps member by member, and lists whole, so that a default within a list is a difference.
 */
export function drift(manifest: unknown, live: unknown, path = ""): readonly string[] {
  if (Array.isArray(manifest) && Array.isArray(live)) {
    if (manifest.length !== live.length) return [path];
    return manifest.flatMap((item, at) => whole(item, live[at], `${path}[${at}]`));
  }
  if (isMap(manifest) && isMap(live)) {
    return Object.entries(manifest).flatMap(([key, value]) =>
      drift(value, live[key], `${path}.${key}`),
    );
  }
  return manifest === live ? [] : [path];
}

/** The same with members that only the live object has counted as well. */
function whole(manifest: unknown, live: unknown, path: string): readonly string[] {
  if (!isMap(manifest) || !isMap(live)) return drift(manifest, live, path);
  const keys = new Set([...Object.keys(manifest), ...Object.keys(live)]);
  return [...keys].flatMap((key) => whole(manifest[key], live[key], `${path}.${key}`));
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
