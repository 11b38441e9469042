import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { load } from "js-yaml";
import { z } from "zod";

/**
 * Reads a program's configuration: flags before environment before the file that `--config` names.
 * Flags are the schema's keys in kebab-case, variables the prefix with the keys in capitals. What is
 * not a string is written as YAML. All errors are printed at once and the program ends with 2.
 */
export function readConfig<S extends z.ZodObject>(
  schema: S,
  prefix: string,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Readonly<z.output<S>> {
  const keys = Object.keys(schema.shape);
  const options = Object.fromEntries(
    [...keys, "config"].map((key) => [kebab(key), { type: "string" } as const]),
  );
  const problems: string[] = [];
  const flags = attempt(
    () => parseArgs({ args: [...argv], options, strict: true }).values,
    problems,
  );
  const path = flags?.["config"] ?? env[`${prefix}_CONFIG`];
  const file = path === undefined ? {} : attempt(() => fileAt(String(path)), problems);
  const given: Record<string, unknown> = { ...file };
  for (const key of keys) {
    const text =
      flags?.[kebab(key)] ?? env[`${prefix}_${kebab(key).replaceAll("-", "_").toUpperCase()}`];
    if (text !== undefined) given[key] = valueFor(schema.shape[key], String(text));
  }
  const parsed = z.strictObject(schema.shape).safeParse(given);
  if (problems.length === 0 && parsed.success) return Object.freeze(parsed.data as z.output<S>);
  const wrong = parsed.success ? [] : parsed.error.issues.map(line);
  for (const text of [...problems, ...wrong]) console.error(text);
  process.exit(2);
}

const kebab = (key: string): string => key.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`);

const line = ({ path, message }: z.core.$ZodIssue): string =>
  `${path.join(".") || "config"}: ${message}`;

function attempt<T>(read: () => T, problems: string[]): T | undefined {
  try {
    return read();
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

function fileAt(path: string): Record<string, unknown> {
  const read: unknown = load(readFileSync(path, "utf8"));
  if (typeof read === "object" && read !== null) return { ...read };
  throw new Error(`${path}: a mapping of settings is expected`);
}

/** A string stays a string where one is wanted; everything else is read as YAML. */
function valueFor(type: unknown, text: string): unknown {
  return z.string().safeParse(text).success && accepts(type, text) ? text : load(text);
}

const accepts = (type: unknown, text: string): boolean =>
  type instanceof z.ZodType && type.safeParse(text).success;
