/**
 * BMCs disagree on If-Match: some demand it, some want the strong form of the weak tag that they
 * sent, some only "*", some refuse it altogether. So there is a ladder, and what worked is kept.
 */
export const RUNGS = ["asGiven", "strong", "any", "none"] as const;
export type Rung = (typeof RUNGS)[number];

export interface Step {
  readonly rung: Rung;
  /** The If-Match header; `null`: none is sent. */
  readonly header: string | null;
}

/** What to try, in order: what worked before first, each header once. */
export function ladder(etag: string | null, worked: Rung | null): readonly Step[] {
  const usual: readonly Rung[] = etag === null ? ["none", "any"] : RUNGS;
  const order = worked !== null && usual.includes(worked) ? [worked, ...usual] : usual;
  const steps = order.map((rung) => ({ rung, header: headerFor(rung, etag) }));
  return steps.filter(
    ({ header }, at) => steps.findIndex((earlier) => earlier.header === header) === at,
  );
}

/** 412: the tag does not match. 428 (RFC 6585 section 3): there should have been one. */
export const isRefusal = (status: number): boolean => status === 412 || status === 428;

function headerFor(rung: Rung, etag: string | null): string | null {
  if (rung === "none") return null;
  if (rung === "any" || etag === null) return "*";
  return rung === "strong" ? strong(etag) : etag;
}

/** RFC 9110 section 8.8.3; some proxies inside BMCs append "-gzip" to the tag. */
const strong = (etag: string): string => etag.replace(/^W\//, "").replace(/-gzip"$/, '"');
