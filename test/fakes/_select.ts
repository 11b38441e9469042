import type { KubeObject } from "#base/object.ts";
import type { Selection } from "#kube/client.ts";

type Test = (object: KubeObject) => boolean;

/** The part of the selector languages that we use: =, ==, !=, in, notin, key, !key; and fields. */
export function selects({ namespace, labelSelector, fieldSelector }: Selection): Test {
  const tests: Test[] = [];
  if (namespace !== undefined) tests.push(({ metadata }) => metadata.namespace === namespace);
  for (const term of split(labelSelector)) tests.push(labelTest(term));
  for (const term of split(fieldSelector)) tests.push(fieldTest(term));
  return (object) => tests.every((test) => test(object));
}

const split = (selector = ""): string[] => selector.split(/,(?![^(]*\))/).filter((t) => t !== "");

function labelTest(term: string): Test {
  const label = (object: KubeObject, key = ""): string | undefined => object.metadata.labels?.[key];
  const set = /^(\S+) (in|notin) \((.*)\)$/.exec(term);
  if (set !== null) {
    const [, key, verb, list = ""] = set;
    const values = list.split(",").map((value) => value.trim());
    return (object) => values.includes(label(object, key) ?? "") === (verb === "in");
  }
  const pair = /^([^=!]+)(==?|!=)(.*)$/.exec(term);
  if (pair !== null) {
    const [, key, sign, value] = pair;
    return (object) => (label(object, key) === value) === (sign !== "!=");
  }
  return term.startsWith("!")
    ? (object) => label(object, term.slice(1)) === undefined
    : (object) => label(object, term) !== undefined;
}

function fieldTest(term: string): Test {
  const pair = /^([^=!]+)(==?|!=)(.*)$/.exec(term);
  if (pair === null) throw new Error(`not a field selector: ${term}`);
  const [, path = "", sign, value] = pair;
  return (object) => (fieldOf(object, path) === value) === (sign !== "!=");
}

function fieldOf(object: KubeObject, path: string): string {
  const found = path.split(".").reduce<unknown>((at, name) => {
    return typeof at === "object" && at !== null
      ? (at as Record<string, unknown>)[name]
      : undefined;
  }, object);
  return found === undefined ? "" : String(found);
}
