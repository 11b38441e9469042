import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergePatchOf } from "./merge-patch.ts";

/** RFC 7386, section 2, as it stands there. */
function apply(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const isObject = typeof target === "object" && target !== null && !Array.isArray(target);
  const result: Record<string, unknown> = isObject ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = apply(result[name], value);
  }
  return result;
}

/** As JSON carries it, with absent fields left out. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, field) => (field === null ? undefined : field)));

const leaf = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constantFrom(undefined));
const { fields } = fc.letrec<{ fields: Record<string, unknown> }>((tie) => ({
  fields: fc.dictionary(
    fc.constantFrom("a", "b", "c", "d"),
    fc.oneof(leaf, fc.array(fc.integer(), { maxLength: 3 }), tie("fields")),
    { maxKeys: 4, noNullPrototype: true },
  ),
}));

describe("mergePatchOf", () => {
  it.each([
    { what: "a changed field", before: { a: 1, b: 2 }, after: { a: 1, b: 3 }, patch: { b: 3 } },
    { what: "a field that is gone", before: { a: 1, b: 2 }, after: { a: 1 }, patch: { b: null } },
    {
      what: "a field deep down",
      before: { a: { b: 1, c: 2 } },
      after: { a: { b: 1, c: 3 } },
      patch: { a: { c: 3 } },
    },
    { what: "a list, whole", before: { a: [1, 2] }, after: { a: [1, 3] }, patch: { a: [1, 3] } },
    { what: "a new empty object", before: {}, after: { a: {} }, patch: { a: {} } },
    {
      what: "an object for a value",
      before: { a: 1 },
      after: { a: { b: 1 } },
      patch: { a: { b: 1 } },
    },
  ])("sends $what", ({ before, after, patch }) => {
    expect(mergePatchOf(before, after)).toEqual(patch);
  });

  it.each([
    { what: "the same", before: { a: [{ b: 1 }] }, after: { a: [{ b: 1 }] } },
    {
      what: "another order of fields",
      before: { a: { b: 1, c: 2 } },
      after: { a: { c: 2, b: 1 } },
    },
    {
      what: "undefined for absent",
      before: { a: [{}] },
      after: { a: [{ b: undefined }], c: undefined },
    },
    { what: "null for absent", before: {}, after: { a: null } },
  ])("sends nothing for $what", ({ before, after }) => {
    expect(mergePatchOf(before, after)).toBeUndefined();
  });

  it("makes any state of any other", () => {
    fc.assert(
      fc.property(fields, fields, (before, after) => {
        const start = plain(before);
        const patch = mergePatchOf(start as object, after);
        const result =
          patch === undefined ? start : apply(start, JSON.parse(JSON.stringify(patch)));
        expect(result).toEqual(plain(after));
      }),
    );
  });

  it("has nothing more to say once it was applied", () => {
    fc.assert(
      fc.property(fields, fields, (before, after) => {
        const start = plain(before) as object;
        const result = apply(start, mergePatchOf(start, after) ?? {});
        expect(mergePatchOf(result as object, after)).toBeUndefined();
      }),
    );
  });
});
