/** config/ in Git, as Argo CD and Flux apply it to an empty cluster. */

import { join } from "node:path";
import { loadAll } from "js-yaml";
import { beforeAll, describe, expect, it } from "vitest";
import type { Manifest } from "../../tools/room/manifests.ts";
import { Applier, ARGO, compared, drift, FLUX, type Live, waves } from "./argo.ts";
import { useOwnCluster } from "./harness.ts";
import { ROOT } from "./install.ts";
import { kubectl } from "./kubectl.ts";

// A control plane of its own: the manifests name what is cluster-scoped.
const cluster = useOwnCluster({});
const soon = (): AbortSignal => AbortSignal.timeout(60_000);

const built = async (folder: string): Promise<readonly Manifest[]> =>
  loadAll(await kubectl(cluster(), ["kustomize", join(ROOT, folder)], soon())) as Manifest[];

/** Kubernetes itself turns round who wrote what of a policy when the same is applied again, once. */
const versions = (objects: readonly Live[]) =>
  objects
    .filter(({ kind }) => kind !== "ValidatingAdmissionPolicy")
    .map(({ kind, metadata }) => [kind, metadata.name, metadata.resourceVersion]);

describe("config/default in Git", () => {
  let manifests: readonly Manifest[] = [];
  let argo: Applier;

  beforeAll(async () => {
    argo = new Applier(cluster(), ARGO);
    manifests = await built("config/default");
    for (const wave of waves(manifests)) {
      await argo.apply(wave, soon());
      const crds = wave.filter(({ kind }) => kind === "CustomResourceDefinition");
      for (const { metadata } of crds) {
        const wait = ["wait", "--for=condition=Established", "--timeout=60s", "crd", metadata.name];
        await kubectl(cluster(), wait, soon());
      }
    }
  });

  it("comes in waves: kinds, then who may do what, then the operator", () => {
    const kinds = waves(manifests).map((wave) => [...new Set(wave.map(({ kind }) => kind))].sort());
    expect(kinds[0]).toEqual(["CustomResourceDefinition"]);
    expect(kinds[1]).toEqual(
      expect.arrayContaining(["Namespace", "ServiceAccount", "ClusterRole"]),
    );
    expect(kinds.at(-1)).toContain("Deployment");
  });

  it("does not differ from what is there, by Argo CD's server-side diff", async () => {
    const predicted = await argo.predict(manifests, soon());
    expect(predicted.map(compared)).toEqual((await argo.live(manifests, soon())).map(compared));
  });

  it("does not differ by its plain diff either, where the kinds are ours", async () => {
    const live = await argo.live(manifests, soon());
    const found = manifests.flatMap((manifest, at) =>
      manifest.kind === "CustomResourceDefinition" ? drift(manifest, live[at]) : [],
    );
    expect(found).toEqual([]);
  });

  it("changes nothing when it is applied again, and Flux sees no difference", async () => {
    const before = await argo.live(manifests, soon());
    await argo.apply(manifests, soon());
    expect(versions(await argo.live(manifests, soon()))).toEqual(versions(before));
    expect(await new Applier(cluster(), FLUX).diff(manifests, soon())).toBe("");
  });
});

describe("config/argocd", () => {
  it("adds its keys to argocd-cm and leaves what is there", async () => {
    const theirs = { metadata: { name: "argocd-cm", namespace: "argocd" } };
    const before = {
      apiVersion: "v1",
      kind: "ConfigMap",
      ...theirs,
      data: { url: "https://argo" },
    };
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "argocd" } };
    const flux = new Applier(cluster(), FLUX);
    await flux.apply([namespace, before], soon());
    const how = ["--server-side", "--field-manager=steelyard", "-k", join(ROOT, "config/argocd")];
    await kubectl(cluster(), ["apply", ...how], soon());
    const [after] = await flux.live([before], soon());
    const { url, ...keys } = (after?.["data"] ?? {}) as Record<string, string>;
    expect(url).toBe("https://argo");
    expect(Object.keys(keys)).toContain("resource.customizations.health.steelyard.dev_Machine");
    expect(Object.keys(keys)).toHaveLength(8);
  });

  it("goes into somebody's own kustomization as a component", async () => {
    const [made] = await built("config/argocd");
    expect(made).toMatchObject({
      kind: "ConfigMap",
      metadata: { name: "argocd-cm", labels: { "app.kubernetes.io/part-of": "argocd" } },
    });
  });
});
