import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "js-yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { API_VERSION, KINDS } from "#api/group.ts";
import { type ApiAnswer, apiRequest } from "../../tools/cluster/request.ts";
import { type KindName, ROWS, type Rule, SMALLEST } from "./crd-rules.ts";
import { uniqueName, useCluster, useNamespace } from "./harness.ts";
import { install, ROOT } from "./install.ts";
import { kubectl } from "./kubectl.ts";

const cluster = useCluster();
const namespace = useNamespace("crds");
const soon = (): AbortSignal => AbortSignal.timeout(30_000);
/** Of cluster-scoped kinds; the rest goes with the namespace. */
const leftovers = new Set<string>();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "steelyard-crds-"));
  await (await install(cluster, soon()))[Symbol.asyncDispose]();
});
afterAll(async () => {
  for (const path of leftovers) await apiRequest(cluster, "DELETE", path, undefined, soon());
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

const pathOf = (kind: KindName, name = ""): string => {
  const { plural, namespaced } = KINDS[kind];
  return `/apis/${API_VERSION}${namespaced ? `/namespaces/${namespace}` : ""}/${plural}/${name}`;
};

const call = (method: "POST" | "PATCH", path: string, body: unknown): Promise<ApiAnswer> =>
  apiRequest(cluster, method, path, body, soon());

async function make(kind: KindName, name: string, spec: object = {}): Promise<ApiAnswer> {
  const whole = { ...SMALLEST[kind], ...spec };
  const head = { apiVersion: API_VERSION, kind: KINDS[kind].kind, metadata: { name } };
  if (!KINDS[kind].namespaced) leftovers.add(pathOf(kind, name));
  return call("POST", pathOf(kind), { ...head, spec: whole });
}

/** Sends what a row has: another object where it is about the name, else a patch. */
async function send(kind: KindName, name: string, patch: (typeof ROWS)[number]["bad"]) {
  if (patch.metadata !== undefined) return make(kind, patch.metadata.name);
  const path = pathOf(kind, name);
  return call("PATCH", patch.status === undefined ? path : `${path}/status`, patch);
}

describe("the API server", () => {
  it.each(
    ROWS.map((row) => ({ ...row, where: `${KINDS[row.kind].kind} ${row.at || "as a whole"}` })),
  )("refuses in $where: $message", async ({ kind, message, was, bad, good }) => {
    const name = uniqueName("o");
    const made = await make(kind, name, was?.spec);
    expect(made.status, made.body).toBe(201);
    if (was?.status !== undefined) {
      const stored = await call("PATCH", `${pathOf(kind, name)}/status`, { status: was.status });
      expect(stored.status, stored.body).toBe(200);
    }
    const refused = await send(kind, name, bad);
    expect(refused.status, refused.body).toBe(422);
    expect((JSON.parse(refused.body) as { message: string }).message).toContain(message);
    if (good === undefined) return;
    const accepted = await send(kind, name, good);
    expect(accepted.status, accepted.body).toBeLessThan(300);
  });
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly "x-kubernetes-validations"?: readonly { readonly message: string }[];
}

function rulesIn(schema: Schema, at: string): readonly Rule[] {
  const { properties = {}, items, additionalProperties } = schema;
  return [
    ...(schema["x-kubernetes-validations"] ?? []).map(({ message }) => ({ at, message })),
    ...Object.entries(properties).flatMap(([name, field]) =>
      rulesIn(field, at === "" ? name : `${at}.${name}`),
    ),
    ...(items === undefined ? [] : rulesIn(items, `${at}[]`)),
    ...(additionalProperties === undefined ? [] : rulesIn(additionalProperties, `${at}{}`)),
  ];
}

interface Crd {
  readonly spec: {
    readonly names: { readonly kind: string };
    readonly versions: readonly [{ readonly schema: { readonly openAPIV3Schema: Schema } }];
  };
}

describe("the table of rules", () => {
  const files = readdirSync(join(ROOT, "crds")).filter((name) => name.endsWith(".yaml"));
  it.each(files)("has each rule of %s", (file) => {
    const { spec } = load(readFileSync(join(ROOT, "crds", file), "utf8")) as Crd;
    const rules = rulesIn(spec.versions[0].schema.openAPIV3Schema, "");
    const rows = ROWS.filter(({ kind }) => KINDS[kind].kind === spec.names.kind);
    const tried = ({ at, message }: Rule) =>
      rows.filter((row) => row.at === at && message.includes(row.message)).length;
    expect(rules.filter((rule) => tried(rule) !== 1)).toEqual([]);
    expect(rows).toHaveLength(rules.length);
  });
});

describe("an unknown field", () => {
  const claim = { apiVersion: API_VERSION, kind: "MachineClaim", spec: { requirement: {} } };

  it.each([
    { how: "kubectl apply", args: [], says: 'unknown field "spec.requirement"' },
    {
      how: "kubectl apply --server-side, and so for GitOps tools",
      args: ["--server-side"],
      says: ".spec.requirement: field not declared in schema",
    },
  ])("is an error for $how, which names it", async ({ args, says }) => {
    const path = join(folder, "claim.json");
    await writeFile(path, JSON.stringify({ ...claim, metadata: { name: "typo", namespace } }));
    const applied = kubectl(cluster, ["apply", ...args, "-f", path], soon());
    await expect(applied).rejects.toThrow(says);
  });

  it("is dropped where a client does not ask for strictness", async () => {
    const made = await call("POST", pathOf("machineClaim"), {
      ...claim,
      metadata: { name: uniqueName("typo") },
    });
    expect(made.status, made.body).toBe(201);
    expect(made.body).not.toContain("requirement");
  });
});
