/** Argo CD's health of our kinds. The same in Argo CD's own VM: test/cluster/health.test.ts. */
import { globSync, readFileSync } from "node:fs";
import { load, loadAll } from "js-yaml";
import { describe, expect, it } from "vitest";
import { ALL_KINDS } from "#api/all.ts";
import { healthCases, SCRIPTED, scriptOf, testDataOf } from "../tools/gitops/cases.ts";
import { luaHealth } from "../tools/gitops/lua.ts";

/** Ends in nothing that could be healthy or not. */
const WITHOUT = ["MachineInventory"];

const kinds = ALL_KINDS.map(({ resource }) => resource.kind);
const conditional = ALL_KINDS.filter(({ columns }) =>
  columns.some(({ name }) => name === "Ready" || name === "Reason"),
).map(({ resource }) => resource.kind);
const cases = SCRIPTED.flatMap(healthCases);

describe("Argo CD's health scripts", () => {
  it("are there for every kind that has a status", () => {
    expect(SCRIPTED).toEqual(kinds.filter((kind) => !WITHOUT.includes(kind)).toSorted());
  });

  it("are each a key of argocd-cm", () => {
    const file = "config/argocd/resource_customizations/kustomization.yaml";
    const made = load(readFileSync(file, "utf8")) as { configMapGenerator: { files: string[] }[] };
    expect(made.configMapGenerator.flatMap(({ files }) => files)).toEqual(
      SCRIPTED.map(
        (kind) =>
          `resource.customizations.health.steelyard.dev_${kind}=steelyard.dev/${kind}/health.lua`,
      ),
    );
  });

  it("read conditions by one text, in every kind that has them", () => {
    const shared = (kind: string) =>
      /^-- The same text[\s\S]*^-- End of the text that is the same\.$/m.exec(scriptOf(kind))?.[0];
    expect(conditional).toContain("MachinePool");
    const [first, ...others] = conditional.map(shared);
    expect(first).toBeDefined();
    for (const other of others) expect(other).toBe(first);
  });

  it.each(SCRIPTED)("%s: every file of test data is a case, and each health is met", (kind) => {
    expect(healthCases(kind).map(({ file }) => file)).toEqual(
      expect.arrayContaining([...testDataOf(kind)]),
    );
    const met = healthCases(kind).map(({ expected }) => expected.status);
    expect(met).toEqual(expect.arrayContaining(["Progressing", "Healthy"]));
  });

  it.each(cases.map((one) => ({ ...one, title: `${one.kind} ${one.file}` })))(
    "$title: $expected.status",
    ({ script, object, expected }) => {
      expect(luaHealth(script, object)).toEqual(expected);
    },
  );

  it.each(cases.map((one) => ({ ...one, title: `${one.kind} ${one.file}` })))(
    "$title is an object that the schema allows",
    ({ kind, object }) => {
      const { spec, status } = ALL_KINDS.find(({ resource }) => resource.kind === kind) ?? {};
      expect(spec?.safeParse(object["spec"]).error).toBeUndefined();
      expect(status?.optional().safeParse(object["status"]).error).toBeUndefined();
    },
  );
});

/** What must be there before what: a wave waits until the last is healthy. */
const WAVES: Readonly<Record<string, string>> = {
  CustomResourceDefinition: "-10",
  Namespace: "-5",
  RoleBinding: "-5",
  ClusterRoleBinding: "-5",
  Zone: "-2",
  OSImage: "-1",
  HardwareProfile: "-1",
  Secret: "-1",
  Machine: "0",
  MachineClaim: "1",
  MachinePool: "1",
};

/** Whose deletion erases a machine, or takes away what is needed to run one. */
const KEPT = [
  "CustomResourceDefinition",
  "Namespace",
  "Zone",
  "Machine",
  "MachineClaim",
  "MachinePool",
];

interface InGit {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Record<string, string> };
}

const inGit = [...globSync("examples/*.yaml"), ...globSync("crds/*.yaml")].flatMap((file) =>
  (loadAll(readFileSync(file, "utf8")) as InGit[]).map((object) => ({ file, ...object })),
);

describe("what is in Git", () => {
  it.each(inGit)("$file: $kind $metadata.name has its wave, and is kept from a prune", (object) => {
    const { kind, metadata } = object;
    const { annotations = {} } = metadata;
    expect(annotations["argocd.argoproj.io/sync-wave"]).toBe(WAVES[kind]);
    const options = annotations["argocd.argoproj.io/sync-options"]?.split(",") ?? [];
    const kept = KEPT.includes(kind);
    expect(options.includes("Prune=false") && options.includes("Delete=false")).toBe(kept);
    expect(annotations["kustomize.toolkit.fluxcd.io/prune"] === "disabled").toBe(kept);
  });
});
