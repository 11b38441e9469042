import { describe, expect, it } from "vitest";
import { ALL_KINDS } from "./all.ts";
import { crd } from "./crd.ts";
import type { JsonSchema } from "./structural.ts";

interface Field {
  readonly path: string;
  readonly description: string | undefined;
}

/** Every field below a schema, with the path that `kubectl explain` takes. */
function fields(schema: JsonSchema, path: string): readonly Field[] {
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, JsonSchema>);
  const own = properties.flatMap(([name, field]) => [
    { path: `${path}.${name}`, description: field["description"] as string | undefined },
    ...fields(field, `${path}.${name}`),
  ]);
  const inner = (schema["items"] ?? schema["additionalProperties"]) as JsonSchema | undefined;
  return inner === undefined ? own : [...own, ...fields(inner, path)];
}

/** What the API server describes by itself. */
const SERVERS_OWN = /^\w+\.(apiVersion|kind|metadata)$/;

describe("what `kubectl explain` says", () => {
  const all = ALL_KINDS.flatMap((kind) => {
    const { versions } = crd(kind)["spec"] as {
      versions: { schema: Record<string, JsonSchema> }[];
    };
    const schema = versions[0]?.schema["openAPIV3Schema"] ?? {};
    return fields(schema, kind.resource.kind).filter(({ path }) => !SERVERS_OWN.test(path));
  });

  it.each(ALL_KINDS.map(({ resource }) => resource.kind))("describes each field of %s", (kind) => {
    const own = all.filter(({ path }) => path.startsWith(`${kind}.`));
    expect(own.length).toBeGreaterThan(3);
    expect(own.filter((one) => one.description === undefined).map((one) => one.path)).toEqual([]);
  });

  it("is a sentence or a phrase that ends with a period", () => {
    expect(all.filter(({ description = "" }) => !/[.…]$/.test(description))).toEqual([]);
  });
});
