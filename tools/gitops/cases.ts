/** The health scripts of `config/argocd/` and their test data, in the layout of Argo CD's repository. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { GROUP } from "#api/group.ts";
import type { Health } from "./lua.ts";

const ROOT = join(import.meta.dirname, "../../config/argocd/resource_customizations", GROUP);

export interface HealthCase {
  readonly kind: string;
  /** Of the test data, e.g. `testdata/ready.yaml`. */
  readonly file: string;
  readonly script: string;
  readonly object: Record<string, unknown>;
  readonly expected: Health;
}

export const scriptOf = (kind: string): string =>
  readFileSync(join(ROOT, kind, "health.lua"), "utf8");

/** The kinds that have a script. */
export const SCRIPTED: readonly string[] = readdirSync(ROOT).toSorted();

/** What is in `testdata/` of a kind, whether a case names it or not. */
export const testDataOf = (kind: string): readonly string[] =>
  readdirSync(join(ROOT, kind, "testdata")).map((name) => `testdata/${name}`);

export const healthCases = (kind: string): readonly HealthCase[] => {
  const { tests } = load(readFileSync(join(ROOT, kind, "health_test.yaml"), "utf8")) as {
    tests: { inputPath: string; healthStatus: Health }[];
  };
  return tests.map(({ inputPath, healthStatus }) => ({
    kind,
    file: inputPath,
    script: scriptOf(kind),
    object: load(readFileSync(join(ROOT, kind, inputPath), "utf8")) as Record<string, unknown>,
    expected: healthStatus,
  }));
};
