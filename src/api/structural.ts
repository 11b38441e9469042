import { z } from "zod";

export type JsonSchema = { readonly [keyword: string]: unknown };

/** What zod may emit and a structural schema may not contain. */
const FORBIDDEN = ["$ref", "oneOf", "anyOf", "allOf", "not", "const", "patternProperties"];

/**
 * The structural OpenAPI v3 schema of a zod type, for a CRD.
 *
 * Taken from the input side, because the API server applies `.default()` before we see the object.
 * A list holds no defaults: Argo CD and `kubectl diff` compare lists whole, so that what the API
 * server fills in would be a difference to Git for ever.
 *
 * @throws {TypeError} with the path of anything that a structural schema cannot or shall not say
 */
export function structural(type: z.ZodType): JsonSchema {
  return tidy(z.toJSONSchema(type, { target: "openapi-3.0", io: "input" }) as JsonSchema, "");
}

const INT_OR_STRING = "x-kubernetes-int-or-string";

/** The one union that a CRD can say: each keyword of its branches speaks of one type only. */
function intOrString({ anyOf, ...rest }: JsonSchema): JsonSchema {
  const branches = (anyOf as readonly JsonSchema[]).map((branch) => tidy(branch, ""));
  const { type: _, ...keywords } = Object.assign({}, ...branches) as JsonSchema;
  return { ...rest, anyOf: branches.map(({ type }) => ({ type })), ...keywords };
}

function tidy(schema: JsonSchema, path: string): JsonSchema {
  const bad = FORBIDDEN.find((keyword) => keyword in schema);
  if (schema[INT_OR_STRING] === true) return intOrString(schema);
  if (bad !== undefined) throw new TypeError(`${path}: a CRD cannot say "${bad}"`);
  if (path.includes(LIST) && "default" in schema) {
    throw new TypeError(`${path}: what a list holds has no default: make it optional`);
  }
  if (schema["type"] === undefined) throw new TypeError(`${path}: a CRD needs a type here`);

  const kept = Object.entries(schema).filter(([keyword]) => !isNoise(keyword, schema));
  return Object.fromEntries(kept.map(([keyword, value]) => [keyword, inner(keyword, value, path)]));
}

/** In a path: an item of a list. */
const LIST = "[]";

/** Bounds and patterns that zod adds of its own accord and that nobody asked for. */
function isNoise(keyword: string, schema: JsonSchema): boolean {
  if (keyword === "maximum") return schema[keyword] === Number.MAX_SAFE_INTEGER;
  if (keyword === "propertyNames") return true; // the reader takes the names that it knows
  if (keyword === "pattern") return schema["format"] === "date-time";
  return false;
}

function inner(keyword: string, value: unknown, path: string): unknown {
  switch (keyword) {
    case "properties": {
      const properties = Object.entries(value as Record<string, JsonSchema>);
      return Object.fromEntries(properties.map(([k, sub]) => [k, tidy(sub, `${path}/${k}`)]));
    }
    case "items":
      return tidy(value as JsonSchema, `${path}${LIST}`);
    case "additionalProperties":
      return tidy(value as JsonSchema, `${path}/*`);
    default:
      return value;
  }
}
