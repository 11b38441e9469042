import type { Selector, Taint, Toleration } from "#api/placement.ts";

type Labels = Readonly<Record<string, string>>;
type Expression = NonNullable<Selector["matchExpressions"]>[number];

/** metav1.LabelSelector; an empty one matches all. */
export function matchesLabels(
  { matchLabels = {}, matchExpressions = [] }: Selector,
  labels: Labels,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every((expression) => HOLDS[expression.operator](expression, labels))
  );
}

const HOLDS: Readonly<
  Record<Expression["operator"], (expression: Expression, labels: Labels) => boolean>
> = {
  In: ({ key, values = [] }, labels) => key in labels && values.includes(labels[key] ?? ""),
  // As in Kubernetes, what has no such label is not in either.
  NotIn: ({ key, values = [] }, labels) => !(key in labels && values.includes(labels[key] ?? "")),
  Exists: ({ key }, labels) => key in labels,
  DoesNotExist: ({ key }, labels) => !(key in labels),
};

export const tolerates = (tolerations: readonly Toleration[], taint: Taint): boolean =>
  tolerations.some(
    ({ key, operator, value, effect }) =>
      (key === undefined || key === taint.key) &&
      (effect === undefined || effect === taint.effect) &&
      (operator === "Exists" || (value ?? "") === (taint.value ?? "")),
  );

/** The first taint that the tolerations do not bear, of those with the effect (default: any). */
export const intolerable = (
  taints: readonly Taint[],
  tolerations: readonly Toleration[] = [],
  effect?: Taint["effect"],
): Taint | undefined =>
  taints.find(
    (taint) => (effect === undefined || taint.effect === effect) && !tolerates(tolerations, taint),
  );
