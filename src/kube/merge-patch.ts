type Fields = Readonly<Record<string, unknown>>;

/**
 * The smallest merge patch (RFC 7386) that makes `after` of `before`: what is gone becomes null, a
 * list that differs is sent whole. Undefined: they are alike.
 *
 * RFC 7386 cannot store null; null and undefined in `after` both mean absent.
 */
export function mergePatchOf(before: object, after: object): Fields | undefined {
  const from: Fields = { ...before };
  const patch: Record<string, unknown> = {};
  for (const [key, wanted] of Object.entries(after)) {
    if (isAbsent(wanted)) continue;
    const change = changeOf(from[key], wanted);
    if (change !== undefined) patch[key] = change;
  }
  const to: Fields = { ...after };
  for (const key of Object.keys(from)) {
    if (isAbsent(to[key]) && !isAbsent(from[key])) patch[key] = null;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function changeOf(before: unknown, wanted: unknown): unknown {
  if (!isFields(wanted)) return isAlike(before, wanted) ? undefined : wanted;
  if (isFields(before)) return mergePatchOf(before, wanted);
  return mergePatchOf({}, wanted) ?? {}; // without its absent fields
}

/** Alike as JSON: a field that is undefined is none. */
function isAlike(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, at) => isAlike(item, b[at]));
  }
  if (!isFields(a) || !isFields(b)) return Object.is(a, b);
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => isAlike(a[key], b[key]));
}

const isAbsent = (value: unknown): boolean => value === undefined || value === null;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
